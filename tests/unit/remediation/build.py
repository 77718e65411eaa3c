"""Values of healing as small as they may be: an incident on a host in a rack, alerts there, a plan, a planner with rules."""

from typing import Any

import msgspec

from healer.alerts.identity import canonical
from healer.convergence.outcome import AlertStatus, AlertView, AtWork, Incident, Root
from healer.journey.ports import Planned
from healer.journey.records import Answer, Answered, Progressed
from healer.remediation.autonomy import Autonomy
from healer.remediation.begun import Decided
from healer.remediation.model import Plan, PlanStep, Remediation
from healer.remediation.planner import Planner
from healer.remediation.settings import Guards
from healer.times import MINUTE, SECOND, Micros
from healer.topology.graph import Node, topology
from healer.topology.map import Map
from rules import RuleSet, Source, compile_files

NOON: Micros = 1_767_268_800 * SECOND
ROOT = canonical({"alertname": "HostDown", "host": "web-1"})
HOST = "host/web-1"

RESTART = PlanStep("restart_service", "ssh", HOST, ("/usr/bin/systemctl", "restart", "shop"), 30 * SECOND)
CLEAN = PlanStep("clean_disk", "ssh", HOST, ("/usr/bin/journalctl", "--vacuum-size=1G"), 30 * SECOND)


def incident(**changes: Any) -> Incident:
    """An open one that began a minute before noon."""
    root = Root(
        labels=ROOT,
        name=changes.pop("name", "HostDown"),
        node=changes.pop("node", HOST),
        beneath="rack/r1",
        severity="critical",
        hard=True,
        starts_at=NOON - MINUTE,
        onset=NOON - MINUTE,
        onset_from="startsAt",
    )
    plain = Incident(
        id="i1",
        trace_id="ab" * 16,
        status="open",
        severity="critical",
        title="HostDown on host/web-1",
        root=root,
        began_at=NOON - MINUTE,
        opened_at=NOON,
        resolved_at=0,
        firing=1,
        members=0,
        suppressed=0,
        total=1,
        told=True,
        revision=1,
    )
    return msgspec.structs.replace(plain, **changes)


def alert(status: AlertStatus = "root", *, node: str = HOST, silence: str = "", **changes: Any) -> AlertView:
    plain = AlertView(
        labels=ROOT,
        node=node,
        status=status,
        code="",
        by=b"",
        starts_at=NOON - MINUTE,
        onset=NOON - MINUTE,
        ended_at=0,
        resolution="",
        severity="critical",
        incident="i1",
        held_until=0,
        silence=silence,
    )
    return msgspec.structs.replace(plain, **changes)


def plan(*steps: PlanStep, otherwise: tuple[PlanStep, ...] = ()) -> Plan:
    return Plan(
        hash="h",
        incident="i1",
        trace_id="ab" * 16,
        root=ROOT,
        root_starts_at=NOON - MINUTE,
        rule="shop",
        rule_version="1",
        mode="auto",
        steps=steps or (RESTART,),
        otherwise=otherwise,
    )


def remediation(of: Plan | None = None, **changes: Any) -> Remediation:
    plain = Remediation("r1", of or plan(), "executing", created_at=NOON, deadline=NOON + 60 * MINUTE)
    return msgspec.structs.replace(plain, **changes)


class Charter(msgspec.Struct, frozen=True):
    """What decides about remedies here. `cap` is why nothing may be run, or ""."""

    ruleset: RuleSet
    health: dict[str, str]
    cap: str = ""
    settle: Micros = 2 * MINUTE
    calendars: dict[str, tuple[tuple[Micros, Micros], ...]] = {}
    autonomy: Autonomy = Autonomy()
    guards: Guards = Guards()


def ruleset(text: str) -> RuleSet:
    """Rules that must compile, without those that ship."""
    compiled = compile_files([Source("mine.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    return compiled.ruleset


def rule(name: str, *clauses: str, mode: str = "auto", on: str = "HostDown") -> str:
    """One rule's text; it restarts the shop where `clauses` do not say otherwise."""
    lines = [f'rule "{name}"', f'  on event: "{on}"', f"  mode: {mode}", *(f"  {clause}" for clause in clauses)]
    if not any(clause.startswith("then:") for clause in clauses):
        lines.append('  then: execute("restart_service", unit: "shop.service")')
    return "\n".join(lines) + "\n"


class Desk:
    """A planner with rules, and what it decided so far. Its clock is in its questions."""

    def __init__(self, *texts: str, cap: str = "") -> None:
        graph = topology([Node("rack/r1", "rack"), Node(HOST, "host")], [("rack/r1", HOST)])
        self.charter = Charter(ruleset("\n".join(texts)), {"host": "up{instance='{{ node.instance }}'}"}, cap)
        self.map = Map(graph, (), (), 100)
        self.at_work: dict[str, AtWork] = {}
        self.planner = Planner(self.charter, self.map, at_work=self.at_work.get)
        self.decided: list[Decided] = []

    def sees(self, *incidents: Incident, now: Micros = NOON) -> list[Planned]:
        """Show it changed incidents; what it newly planned."""
        decided = self.planner.consider(incidents, now)
        self.decided.append(decided)
        return decided.planned

    def one(self, *incidents: Incident, now: Micros = NOON) -> Planned:
        (planned,) = self.sees(*(incidents or (incident(),)), now=now)
        return planned

    def hears(self, value: float | None, *, rule: str = "shop", now: Micros = NOON, why: str = "") -> list[Planned]:
        """Every question about the rule gets this answer."""
        asked = [one for one in self.planner.questions(now) if one.rule == rule]
        assert asked, "nothing was asked"
        answers = tuple(Answer(query.key, value, now if value is not None else 0, why) for query in asked[0].queries)
        self.planner.answer(Answered("i1", rule, answers), now)
        return self.sees(now=now)

    def gets_to(self, planned: Planned, state: str, *, now: Micros = NOON, detail: str = "") -> list[Planned]:
        """A remediation reached a state; what that made it plan."""
        happening = self.planner.progress(Progressed(planned.remediation, "i1", state, detail, now), now)
        assert happening is not None
        self.decided.append(Decided(timeline=[happening]))
        return self.sees(now=now)
