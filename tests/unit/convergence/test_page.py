"""docs/convergence.md is true: its example plays as it says, its settings and their defaults are the real ones."""

import re
from pathlib import Path

import msgspec
import pytest

from healer.convergence.settings import SEVERITIES, Convergence
from healer.times import format_duration
from tests.unit.convergence.world import World

PAGE = (Path(__file__).parents[3] / "docs" / "convergence.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", PAGE.split("## Settings")[1], re.MULTILINE))


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_example() -> None:
    """The history of the page, told to an engine, comes out as the page says."""
    drawing = re.search(r"with the topology `(.+?)`", PAGE)
    assert drawing is not None
    world = World(drawing[1]).play(block("history")).until("2m")
    said = []
    for line in block("outcome").splitlines():
        who = line.split(":")[0].replace(" on ", "@")
        by = f" by {world.by(who).replace('@', ' on ')}" if world.status(who) == "suppressed" else ""
        said.append(f"{line.split(':')[0]}: {world.status(who)}{by}")
    assert said == block("outcome").splitlines()
    assert len(world.incidents) == 2


def test_all_settings() -> None:
    """Every setting has its row, and no row names what is no setting."""
    assert ROWS.keys() == {field.encode_name for field in msgspec.structs.fields(Convergence)}


@pytest.mark.parametrize("name", ["window", "slack", "settle", "max_untold"])
def test_durations(name: str) -> None:
    """The defaults of the page are those of the code."""
    assert ROWS[name] == f"`{format_duration(getattr(Convergence(), name))}`"


def test_other_defaults() -> None:
    """Holds, hard alerts, severities and groups are written as they are."""
    settings = Convergence()
    default, critical = format_duration(settings.hold.default), format_duration(settings.hold.critical)
    assert ROWS["hold"] == f"`{default}`, critical `{critical}`"
    assert ROWS["hard"].replace("\\|", "|") == f"`{str(settings.hard)[1:-1]}`"
    assert ROWS["severities"] == ", ".join(f"`{said}: {meant}`" for said, meant in SEVERITIES.items())
    assert ROWS["group_by"] == f"`{', '.join(settings.group_by)}`"
