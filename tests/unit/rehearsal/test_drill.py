"""How a drill went, by what the store has of its incident; and what happens when it did not pass."""

import asyncio

import msgspec
import pytest

from healer.alerts.identity import canonical
from healer.convergence.outcome import Happening, Incident, Root
from healer.journey.records import Delivered, Troubled, decode
from healer.rehearsal.drill import Drill, Report, Run, report, shown
from healer.rehearsal.drilling import Drilling
from healer.rehearsal.virtual_time import VirtualClock, VirtualLoop
from healer.remediation.model import Plan, Remediation, State
from healer.seams import Supervisor, SystemRandom
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE, SECOND, Micros

NOON: Micros = 1_767_787_200_000_000
RUN = Run("canary", "a1", Drill(labels={"canary": "unit"}), NOON)


def incident(run: Run = RUN) -> Incident:
    root = Root(
        canonical(run.labels), "HealerDrill", "host/web-1", "", "info", False, run.began_at, run.began_at, "startsAt"
    )
    opened = run.began_at + SECOND
    return Incident(
        "i1", "t1", "open", "info", "HealerDrill", root, run.began_at, opened, 0, 1, 0, 0, 1, told=True, revision=1
    )


def remediation(state: State, detail: str = "") -> Remediation:
    plan = Plan("h", "i1", "t1", b"", NOON, "mend it", "v", "auto", ())
    return Remediation(
        "r1",
        plan,
        state,
        detail=detail,
        created_at=NOON + 3 * SECOND,
        effect_ended_at=NOON + 7 * SECOND,
        changed_at=NOON + 12 * SECOND,
    )


TOLD = Happening("i1", NOON + 15 * SECOND, "notify", "told", {"channel": "here"})


def went(state: State, *, told: bool = True, after: Micros = MINUTE, detail: str = "", run: Run = RUN) -> Report:
    return report(run, incident(run), [TOLD] if told else [], [remediation(state, detail)], NOON + after)


def test_each_stage_has_its_time() -> None:
    """Detect, decide, act and verify follow one another; telling is counted from the alert. In milliseconds for programs."""
    found = shown(went("succeeded"))
    assert (found["state"], found["why"]) == ("passed", None)
    assert found["times_ms"] == {"detect": 1000, "decide": 2000, "act": 4000, "verify": 5000, "tell": 15000}


def test_it_takes_both() -> None:
    """A canary that was repaired while nobody was told has not passed yet."""
    assert (went("succeeded", told=False).state, went("succeeded", told=False).why) == (
        "running",
        "nobody was told yet",
    )


@pytest.mark.parametrize("state", ["suggested", "refused", "not_verified", "handed_over"])
def test_a_repair_that_ended_otherwise_fails_at_once(state: State) -> None:
    """Waiting would change nothing; why says which rule, and how it ended."""
    found = went(state, detail="dry run")
    assert found.state == "failed"
    assert found.why == f"'mend it' is {state.replace('_', ' ')}: dry run"


def test_one_that_takes_too_long_fails() -> None:
    """At the end of `within`, with what was missing."""
    found = went("verifying", after=10 * MINUTE)
    assert (found.state, found.why) == ("failed", "it took longer than 10m: 'mend it' is verifying")


def test_what_came_of_an_earlier_run_is_no_proof() -> None:
    """An alert that reopens an incident, or joins one, finds a repair and messages there that are not about it."""
    later = msgspec.structs.replace(RUN, id="a2", began_at=NOON + MINUTE)
    before = msgspec.structs.replace(incident(later), opened_at=NOON + SECOND)
    found = report(later, before, [TOLD], [remediation("succeeded")], later.began_at + SECOND)
    assert (found.state, found.incident, found.remediation) == ("failed", "i1", "")
    assert found.why.startswith("its alert fell into an incident that was there before: leave convergence.settle")


def test_only_told() -> None:
    """Where no repair is expected it passes when people were told."""
    run = msgspec.structs.replace(RUN, drill=Drill(expects="told"))
    assert report(run, incident(run), [TOLD], [], NOON + MINUTE).state == "passed"


@pytest.mark.parametrize(
    "wrong", [{"labels": {"alertname": "X"}}, {"within": 0}, {"within": MINUTE, "every": 30 * SECOND}]
)
def test_what_cannot_be_declared(wrong: dict[str, object]) -> None:
    """A drill sets its own marks, has time, and is not due again while it runs."""
    with pytest.raises(ValueError, match=r"set by|expected"):
        Drill(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_a_drill_that_fails_is_an_incident() -> None:
    """Where nobody converges its alert comes to nothing: it goes in, ends when its time is over, and a trouble is recorded. Due
    drills begin by themselves, once."""

    async def play(clock: VirtualClock) -> list[object]:
        memory, spawn = Memory("drill"), Supervisor()
        store = Store(InlineRun(memory, clock), memory.installation)
        drills = {"canary": Drill(within=MINUTE, every=60 * MINUTE)}
        drilling = Drilling(store, clock, SystemRandom(), spawn, lambda: drills, lambda _: False)
        spawn.keep("drills", drilling.run)
        await asyncio.sleep(10 * 60)
        assert drilling.start("unknown") is None
        canary = next(each for each in await drilling.all() if each["name"] == "canary")
        assert canary["last"]["state"] == "failed"
        assert canary["next_at"] == "2026-01-07T13:00:00.000Z"
        rows = await store.read(0, 100)
        await spawn.stop(1.0)
        memory.close()
        return [decode(row.data) for row in rows]

    loop = VirtualLoop()
    try:
        begun, ended, trouble = loop.run_until_complete(play(VirtualClock(loop, NOON)))
    finally:
        loop.close()
    assert isinstance(begun, Delivered)
    assert isinstance(ended, Delivered)
    assert [one.alerts[0].firing for one in (begun, ended)] == [True, False]
    assert isinstance(trouble, Troubled)
    assert (trouble.code, trouble.firing) == ("drill canary", True)
    assert "it took longer than 1m" in trouble.detail
