"""A plain scalar means what YAML 1.2's core schema says."""

import math

import pytest

from healer.documents.scalars import Scalar, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None),
        ("true", True), ("True", True), ("FALSE", False),
        ("0", 0), ("-12", -12), ("+3", 3), ("0777", 777), ("0o17", 15), ("0x1F", 31),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1.5E-2", -0.015),
        (".inf", math.inf), ("-.INF", -math.inf),
        ("off", "off"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("y", "y"), ("tRUE", "tRUE"),
        ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("1_000", "1_000"), ("0b1", "0b1"),
        ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"), ("-", "-"), ("+", "+"), (".", "."), ("e3", "e3"), ("=", "="),
        ("9" * 65, "9" * 65),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_what_the_core_schema_says(text: str, value: Scalar) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_not_a_number_is_one() -> None:
    value = resolve(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)
