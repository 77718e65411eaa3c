"""What if these had been the rules? Over the recorded arrivals, with answers of then, and nothing is done."""

import asyncio
from collections.abc import Sequence

import pytest

from healer.journey.records import Answer, Answered, Progressed, Record
from healer.rehearsal.meanwhile import Ask
from healer.rehearsal.otherwise import Wrong, ruled
from healer.rehearsal.remedies import redone
from healer.rehearsal.replay import Span
from healer.rehearsal.what_if import Course, Otherwise, went
from healer.times import SECOND, Micros
from rules import Query, Source
from tests.unit.journey.owning import Life, Stage, staged
from tests.unit.journey.world import INSTALLATION, RULES, START, deployed, ends, fires

ALWAYS = Span()
REBOOT = """rule "reboot"
  on event: "{event}"
  {when}
  then: execute("reboot_node")
  verify: query("up") == 1 within 20m
  limit: {limit}
  mode: {mode}
"""


def reboot(
    event: str = "HostDown", *, when: str = "", limit: str = "100 per 1h per rule", mode: str = "approve"
) -> str:
    return REBOOT.format(event=event, when=f"when: {when}" if when else "", limit=limit, mode=mode)


async def lived(stage: Stage) -> Life:
    """Two hosts go down one after the other, then the shop, whose restart was planned, run and seen to help; then it is hot."""
    life = await stage.alive()

    async def at(second: float, *records: Record) -> None:
        await asyncio.sleep(max(0.0, second - stage.loop.now / SECOND))
        await life.append(*records)
        await life.owner.settled()

    await at(1, fires("HostDown@host/a", at=1))
    await at(30, fires("HostDown@host/b", at=30))
    await at(60, fires("ServiceDown@host/c", at=60))
    await asyncio.sleep(10)
    (planned,) = await life.store.remediations()
    for state in ("executing", "verifying", "succeeded"):
        await life.append(Progressed(planned.id, planned.plan.incident, state, "", stage.clock.now()))
    await at(75, ends("ServiceDown@host/c", at=75))
    await at(110, fires("Hot@host/c", at=110))
    await asyncio.sleep(8)
    (question,) = life.owner.fold.questions()
    answers = tuple(Answer(query.key, 0.97, stage.clock.now()) for query in question.queries)
    await life.append(Answered(question.incident, question.rule, answers))
    await at(180, ends("HostDown@host/a", "HostDown@host/b", "Hot@host/c", at=180))
    await at(240, deployed("host/a", 240))
    await life.die()
    return life


def tried(text: str, ask: Ask | None = None, span: Span = ALWAYS) -> tuple[Course, Course]:
    """The past as it was, and under these rules."""
    courses: list[Course] = []

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        otherwise = Otherwise(ruled([Source("mine.heal", text)]))
        how = (life.store, life._charter, INSTALLATION, span, lambda _: None)
        courses.extend([await went(*how), await went(*how, otherwise, ask)])

    staged(play)
    before, after = courses
    return before, after


def test_the_recorded_rules_change_nothing() -> None:
    """Progress and answers that were recorded are those of then: the two pasts are one."""
    before, after = tried(RULES)
    assert before == after
    assert [(one.rule, one.state, one.destructive) for one in before.remedies] == [
        ("restart the shop", "succeeded", False),
        ("when it is hot", "superseded", False),
    ]


def test_rules_that_act_more_are_counted_one_by_one() -> None:
    """People are taken to agree and effects to work; each is named with its rule, its node and its action."""
    before, after = tried(reboot())
    assert (before.remedies.destructive, after.remedies.destructive) == (0, 2)
    found = [(one.what, one.after.nodes if one.after else ()) for one in redone(before.remedies, after.remedies)]
    assert found == [("new", ("host/a",)), ("new", ("host/b",)), ("gone", ()), ("gone", ())]
    assert next(one.state for one in after.remedies) == "succeeded"


@pytest.mark.parametrize(
    ("text", "guard", "acting"),
    [
        (reboot(limit="1 per 1h per rule"), "limit", 1),
        (reboot(limit="at most 1 at a time per rule"), "limit", 1),
        (reboot(limit="1 per 1h per node"), "", 2),
        (reboot(mode="suggest"), "", 0),
        (reboot(mode="observe"), "", 0),
        (reboot("Nothing"), "", 0),
    ],
)
def test_guards_stop_what_they_would_have_stopped(text: str, guard: str, acting: int) -> None:
    """... and what only suggests does nothing."""
    _, after = tried(text)
    assert after.remedies.destructive == acting
    assert after.remedies.guards == ({guard: 1} if guard else {})


def test_an_answer_that_was_recorded_answers_the_same_query_of_another_rule() -> None:
    """Whichever rule asks, and for whichever incident, within a minute."""
    _, after = tried(reboot("Hot", when="cpu_load > 95%"))
    assert (after.remedies.destructive, after.unknown) == (1, 0)


def test_what_nobody_asked_is_asked_of_who_knows_the_past() -> None:
    """At the recorded time; a rule that has to do without an answer does not start, and is counted."""
    asked: list[tuple[str, Micros]] = []

    async def ask(queries: Sequence[Query], labels: bytes, at: Micros) -> list[Answer]:
        asked.extend((query.text, at) for query in queries)
        return [Answer(query.key, 0.99 if b"host/a" in labels else None, at) for query in queries]

    text = reboot(when="memory_used > 95%")
    _, after = tried(text, ask)
    assert [one.nodes for one in after.remedies.acting] == [("host/a",)]
    assert after.unknown == 1
    assert min(at for _, at in asked) >= START + 10 * SECOND
    assert all(START < at <= START + 300 * SECOND for _, at in asked)
    _, without = tried(text)
    assert (without.remedies.destructive, without.unknown) == (0, 2)


def test_only_what_was_planned_in_the_span_counts() -> None:
    before, after = tried(reboot(), span=Span(since=START + 20 * SECOND, until=START + 50 * SECOND))
    assert [one.nodes for one in after.remedies.acting] == [("host/b",)]
    assert before.remedies.would == ()


def test_rules_that_do_not_compile_are_refused_with_their_places() -> None:
    with pytest.raises(Wrong, match=r"mine\.heal:2:3.*E0104"):
        ruled([Source("mine.heal", 'rule "x"\n  on evnt: "Y"\n')])
