"""Labels are hostile: whatever stands in one stays inside the string it was put into."""

import msgspec
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from rules.templates import quote_promql, quote_regex
from tests.unit.rules.build import FACTS, verdict

HOSTILE = [
    "'} or vector(1) #",
    '"} or vector(1) #',
    "\\",
    "\\'",
    "a\nb",
    "{{ labels.env }}",
    "$(reboot)",
    ".*",
    "a|b",
    "\x00\x7f",
    "机架",
    "`",
]
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def _read_promql_string(text: str) -> tuple[str, str]:
    """Read one quoted string as Prometheus' lexer does: its value, and the text after it."""
    quote, value, at = text[0], "", 1
    while text[at] != quote:
        assert text[at] != "\n", "a raw newline ends the query"
        if text[at] == "\\":
            at += 1
            if text[at] == "x":
                value += chr(int(text[at + 1 : at + 3], 16))
                at += 3
                continue
            value += _SIMPLE[text[at]]
        else:
            value += text[at]
        at += 1
    return value, text[at + 1 :]


def _asked(template: str, value: str) -> str:
    found = verdict(f'query("{template}") == 1', msgspec.structs.replace(FACTS, labels={"x": value}))
    (need,) = found.needs
    return need.text


@given(TEXT)
@example(HOSTILE[0])
@example(HOSTILE[3])
def test_a_quoted_value_reads_back_as_itself(value: str) -> None:
    """For both quotes: Prometheus reads back exactly the label's value, and the string ends where ours does."""
    for quote in "'\"":
        text = quote + quote_promql(value, quote) + quote + "rest"
        assert _read_promql_string(text) == (value, "rest")


@given(TEXT, TEXT)
@example("a.b", "axb")
@example("a|b", "a")
def test_a_regex_quoted_value_matches_only_itself(value: str, other: str) -> None:
    """After `=~` the value is a regular expression that matches itself and nothing else."""
    pattern, _ = _read_promql_string("'" + quote_promql(quote_regex(value), "'") + "'")

    assert re2.fullmatch(pattern, value)
    assert (re2.fullmatch(pattern, other) is not None) is (other == value)


def test_hostile_labels_stay_inside_their_string() -> None:
    """A label cannot end its string, in single or double quotes, as a literal or as a regular expression."""
    for value in HOSTILE:
        for quote in ("'", '\\"'):
            plain = _asked("up{a=" + quote + "{{ labels.x }}" + quote + "}", value)
            assert _read_promql_string(plain.removeprefix("up{a=")) == (value, "}")
            matched = _asked("up{a=~" + quote + "{{ labels.x }}.*" + quote + "}", value)
            read, rest = _read_promql_string(matched.removeprefix("up{a=~"))
            assert rest == "}"
            assert re2.fullmatch(read, value + "anything")
            assert not re2.fullmatch(read, "x" + value)


def test_a_value_is_not_read_as_a_template() -> None:
    """A label that looks like a hole is text."""
    assert _asked("up{a='{{ labels.x }}'}", "{{ labels.env }}") == "up{a='{{ labels.env }}'}"


def test_text_that_is_no_text_is_not_asked() -> None:
    """A lone surrogate, which no query can carry, makes the query unknown."""
    found = verdict("query(\"up{a='{{ labels.x }}'}\") == 1", msgspec.structs.replace(FACTS, labels={"x": "\ud800"}))

    assert found.value is None
    assert found.needs == ()
