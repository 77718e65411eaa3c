"""`healer plan`: what would happen for an alert now, with every guard's answer and a look at what each step would change."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from healer.alerts.identity import canonical
from healer.convergence.outcome import AtWork
from healer.convergence.settings import Convergence
from healer.executors.states.reading import Change
from healer.journey.charter import Charter, Deciding
from healer.journey.records import Adopted
from healer.journey.records import Answer as Sample
from healer.rehearsal.foreseen import Present
from healer.rehearsal.preview import preview
from healer.remediation.guards import OBSERVED, Answer, Place
from healer.remediation.guards.answer import no, yes
from healer.remediation.home import Home
from healer.remediation.model import PlanStep, Remediation
from healer.remediation.observing import Observing
from healer.topology.graph import Node, topology
from rules import Query
from tests.contracts.store.given import HandClock
from tests.unit.remediation.build import HOST, NOON, alert, rule, ruleset
from tests.unit.remediation.night import Converged

LABELS = {"alertname": "HostDown", "severity": "critical", "node": HOST}
FREEZE = 'except: calendar("freeze")'


def charter(*texts: str) -> Charter:
    """These rules over one host in a rack."""
    graph = topology([Node("rack/r1", "rack"), Node(HOST, "host")], [("rack/r1", HOST)])
    deciding = Deciding(
        place="only",
        dry_run=False,
        packs=(),
        convergence=Convergence(),
        mappings=(),
        labels=(),
        max_nodes=100,
        health={},
        channels=(),
        routes=(),
        calendars={"freeze": ()},
    )
    return Charter(Adopted("t", "s", "r"), deciding, graph.encode(), ruleset("\n".join(texts)))


async def change(step: PlanStep) -> tuple[Change | None, str]:
    """A look that finds the service dead, and no way to others."""
    return (Change("inactive", "active"), "") if step.action == "restart_service" else (None, "nobody is there")


async def counted(_: Remediation, step: PlanStep, __: Place, *, now: int) -> list[Answer]:
    """Somebody paused everything."""
    return [no("kill switch", f"ann paused all, {step.node} too"), yes("limit", f"none at {now}")]


def present(**changes: Any) -> Present:
    """A running healer in which nothing else happens."""
    here = Converged(NOON)
    for name, value in changes.items():
        setattr(here, name, value)
    return Present(Observing(here, HandClock(), Home(), lambda _: ""), counted, change=change)


def foreseen(text: str, around: Present | None = None, **answers: str) -> dict[str, Any]:
    """The preview for an alert on the host."""

    async def ask(queries: tuple[Query, ...], labels: bytes) -> list[Sample]:
        assert labels == canonical(LABELS)
        return [Sample(one.key, None, 0, text=answers.get(one.text.partition(".")[2])) for one in queries]

    work: Awaitable[dict[str, Any]] = preview(LABELS, charter(text), NOON, ask=ask, around=around)  # type: ignore[arg-type] # a tuple is a sequence
    found: dict[str, Any] = asyncio.run(work)  # type: ignore[arg-type] # a coroutine is awaitable
    assert found["ran"] is False
    assert found["note"] == "nothing was run, and nothing was changed"
    return found


def guards(step: dict[str, Any]) -> dict[str, bool]:
    return {one["guard"]: one["allows"] for one in step["guards"]}


def test_each_step_says_what_it_would_change() -> None:
    """A look at the target tells the present state and the wanted one; where none is possible, it says why."""
    found = foreseen(rule("shop", 'otherwise: execute("reboot_node")', "verify: healthy(target)"), present())

    (step,), (look, other) = found["plan"]["steps"], found["plan"]["otherwise"]
    assert look["action"] == "collect_diagnostics", "before anything destructive"
    assert (step["preview"]["verdict"], step["preview"]["change"]) == ("change", "inactive -> active")
    assert (other["preview"]["verdict"], other["preview"]["change"]) == (None, "not looked at: nobody is there")


def test_every_guard_answers() -> None:
    """Those that observe, and those that count: each with its name, and with its reason where it refuses."""
    step = foreseen(rule("shop"), present())["plan"]["steps"][0]

    assert len(step["guards"]) == len(OBSERVED) + 2
    assert all(one["why"] for one in step["guards"]), "a yes says by how much, too"
    assert [one["why"] for one in step["guards"] if not one["allows"]] == [f"ann paused all, {HOST} too"]


def test_the_present_is_asked() -> None:
    """Who works there, who silenced what, and what burns above."""
    work = AtWork("m1", "jo", HOST, NOON + 1)

    def of(**changes: Any) -> dict[str, bool]:
        return guards(foreseen(rule("shop"), present(**changes))["plan"]["steps"][0])

    assert of(work=work)["maintenance"] is False
    assert of(on_target=(alert(silence="s1"),))["silenced"] is False
    assert of(above=(alert(node="rack/r1"),))["only roots"] is False


def test_without_a_service_it_says_what_it_cannot_tell() -> None:
    """No executor, no count: nothing is looked at, and that is said."""
    step = foreseen(rule("shop", FREEZE))["plan"]["steps"][0]

    assert step["preview"]["change"] == "not looked at: a running healer can"
    assert step["guards_know_the_present"] is False
    assert "limit" not in guards(step)


def test_what_would_be_taken_back_is_shown() -> None:
    """A plan whose steps can be undone shows by what."""
    back = 'action "back"\n  run: ssh ["/bin/back"]\n  closing: yes\n'
    forth = 'action "forth"\n  run: ssh ["/bin/forth"]\n  undo: execute("back")\n'
    found = foreseen(
        back + forth + rule("shop", 'then: execute("forth") execute("restart_service", unit: "a.service")')
    )

    assert [step["action"] for step in found["plan"]["undo"]] == ["back"]


def test_what_steps_need_to_know_is_asked() -> None:
    """A parameter from an annotation is filled in as it would be."""
    text = rule("shop", 'then: execute("restart_service", unit: annotations.unit)')

    (step,) = foreseen(text, unit="api.service")["plan"]["steps"]
    assert step["preview"]["parameters"] == {"unit": "api.service"}
    assert foreseen(text)["plan"]["would_be"] == "refused"
