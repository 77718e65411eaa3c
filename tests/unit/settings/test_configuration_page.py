"""docs/configuration.md is true: its table is the Structs', its examples load."""

import re
from pathlib import Path

import pytest
from msgspec import inspect

from healer.settings import Settings, SettingsError, parse_settings
from healer.settings.reference import docs, rewritten
from healer.topology.sources.file import parse_topology

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
BLOCKS = re.findall(r"```(\w+)( topology)?\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
ENVIRON = {
    "HEALER_TOKEN": "a",
    "ALERTMANAGER_PASSWORD": "b",
    "PROMETHEUS_PASSWORD": "c",
    "TELEGRAM_TOKEN": "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi",
    "DEADMAN_URL": "https://deadman.example/1",
}


def test_the_table_is_that_of_the_structs() -> None:
    page = PAGE.read_text("utf-8")
    assert rewritten(page) == page, "run `python -m healer.settings.reference docs/configuration.md`"


@pytest.mark.parametrize("text", [text for kind, topology, text in BLOCKS if kind == "yaml" and not topology])
def test_an_example_of_settings_loads(text: str) -> None:
    assert parse_settings(text, ENVIRON).channels


@pytest.mark.parametrize("text", [text for kind, topology, text in BLOCKS if topology])
def test_an_example_of_a_topology_loads(text: str) -> None:
    assert parse_topology(text.encode(), "topology.yaml").edges


def test_the_mistakes_shown_are_the_ones_told() -> None:
    shown = [text for kind, _, text in BLOCKS if kind == "text"]
    with pytest.raises(SettingsError) as caught:
        parse_settings("\n\nplace: shadw\nconvergence: {window: 10}\n", {})
    assert shown == [f"{caught.value}\n"]


def test_every_setting_says_what_it_means() -> None:
    assert _silent(inspect.type_info(Settings)) == []


def _silent(info: inspect.Type) -> list[str]:
    """Fields without a docstring, in all that a type is made of."""
    if isinstance(info, inspect.StructType):
        missing = [f"{info.cls.__name__}.{field.name}" for field in info.fields if field.name not in docs(info.cls)]
        return missing + [one for field in info.fields for one in _silent(field.type)]
    inner = getattr(info, "types", None) or [
        getattr(info, name) for name in ("item_type", "value_type") if hasattr(info, name)
    ]
    return [one for part in inner for one in _silent(part)]
