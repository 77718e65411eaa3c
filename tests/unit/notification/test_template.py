"""A channel's own words: what they can say, what they cannot do, and that alerts never become templates."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.identity import canonical
from healer.notification.message import message_of
from healer.notification.story import Story
from healer.notification.template import MOST_OUTPUT, MOST_SOURCE, BadTemplate, fill, read
from healer.notification.wording import Speech, tell
from notifiers.cut import plain_text
from tests.unit.notification.test_story import deed, incident


def story(**labels: str) -> Story:
    written = canonical({"alertname": "DiskFull", "severity": "critical", **labels})
    return tell(incident(root_labels=written, root_name="DiskFull"), [])


def test_a_template_says_what_healer_knows() -> None:
    """Names, entries of labels, conditions, loops and filters."""
    source = (
        "{{ severity | upper }} on {{ node }}, {{ labels.team | default('nobody') }}\n"
        "{% for name in labels %}\n{{ name }}={{ labels[name] }}\n{% endfor %}\n"
        "{% if others %}{{ others }} more{% else %}alone{% endif +%}\n{{ url }}"
    )
    found = fill(source, story(), "https://h/1")
    assert found[0] == "CRITICAL on host/web-1, nobody"
    assert "alertname=DiskFull" in found
    assert found[-1] == "https://h/1"


@pytest.mark.parametrize("source", ["{{ lines | join(' / ') }}", "{% for one in lines %}{{ one }}{% endfor %}"])
def test_the_words_of_healer_can_be_used(source: str) -> None:
    """A template may put something around them."""
    assert "Since 2026-01-01 11:59:00 UTC" in fill(source, story(), "")[0]


@given(st.text(max_size=60))
def test_what_an_alert_brings_is_data(value: str) -> None:
    """A label that looks like a template stays as it is, on one line."""
    (found,) = fill("is {{ labels.x }}", story(x="{{ 7*7 }}{% raw %}" + value), "")
    assert found.startswith("is {{ 7*7 }}{% raw %}")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ title.__class__ }}", ""),
        ("{{ labels.items }}", ""),
        ("{{ title.format }}", ""),
        ("{{ lines.0 }}", "Since 2026-01-01 11:59:00 UTC"),
    ],
)
def test_only_entries_are_reached(source: str, says: str) -> None:
    """No attribute of any object, harmless or not."""
    assert "".join(fill(source, story(), "")) == says


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ title.upper() }}", "line 1: a template cannot do this (Call)"),
        ("{% set x = title ~ title %}", "line 1: a template cannot do this (Assign)"),
        ("{{ title ~ title }}", "cannot do this (Concat)"),
        ("{{ title * 1000000000 }}", "cannot do this (Mul)"),
        ("{% for a in range(9) %}{% endfor %}", "a loop goes over lines or labels"),
        ("{{ title | join('xxx') | join('xxx') }}", "line 1: join takes lines or labels"),
        ("{{ lines | join(lines | join) }}", "line 1: join takes only values that are written out"),
        ("{% for a in title | upper %}{% endfor %}", "line 1: a loop goes over lines or labels"),
        ("{% include 'x' %}", "cannot do this (Include)"),
        ("{% macro m() %}{% endmacro %}", "cannot do this (Macro)"),
        ("\n{{ title | center(1000000000) }}", "line 2: no filter is called 'center'; there are default, first"),
        ("{{ secret }}", "nothing is called 'secret' there; there are incident, trace"),
        ("{% if title %}", "line 1: Unexpected end of template"),
        ("x" * (MOST_SOURCE + 1), "characters, at most"),
        (
            "{% for a in lines %}{% for b in lines %}{% for c in lines %}{% endfor %}{% endfor %}{% endfor %}",
            "at most 2",
        ),
    ],
)
def test_what_could_run_away_is_refused_when_it_is_read(source: str, why: str) -> None:
    """With the line and the reason, before it is ever filled."""
    with pytest.raises(BadTemplate) as refused:
        read(source)
    assert why in str(refused.value)


def test_output_has_a_limit() -> None:
    """A loop in a loop over many long labels ends at the limit."""
    many = {f"l{number}": "x" * 300 for number in range(64)}
    found = fill("{% for a in labels %}{% for b in labels %}{{ labels[b] }}{% endfor %}{% endfor %}", story(**many), "")
    assert len("".join(found)) <= MOST_OUTPUT


def test_line_1_and_the_end_stay_whatever_the_template() -> None:
    """What a lock screen shows and what to ask for are healer's; what cannot be filled is told in healer's own words."""
    told = story()
    mine = plain_text(message_of(told, "", "", Speech(template="mine: {{ node }}"))).splitlines()
    assert mine[:2] == [told.title, "mine: host/web-1"]
    assert "incident i1" in mine[-1]
    broken = plain_text(message_of(told, "", "", Speech(template="{{ labels | truncate(labels) }}")))
    assert "Since 2026-01-01 11:59:00 UTC" in broken


def test_what_people_are_called_for_is_said_in_words() -> None:
    """In the reader's language, and nothing where nobody is called."""
    asked = Speech("zh", template="{{ called | default('-', true) }}")
    for matter, says in (("r1 failed", "请你处理：healer 的处置没有效果（处置 r1）"), ("", "-")):
        told = msgspec.structs.replace(tell(incident(), [deed("failed")]), called=matter)
        assert plain_text(message_of(told, "", "", asked)).splitlines()[1] == says
