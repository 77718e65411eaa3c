"""What is wrong with an installation, judged from what it says of itself. Pure: `healer doctor` gathers, this decides."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from healer.cli.exposition import Numbers
from healer.cli.words import counted, resuming
from healer.times import SECOND, Micros, format_duration

MAPPED = 0.8
"""Share of alerts that sit on a node, below which convergence has too little to go by."""
DELIVERED = frozenset({"delivered", "unchanged", "migrated"})
"""Reasons of an attempt to tell people that came through."""
FAILING = 0.5
"""Share of failed attempts from which on a channel is called failing."""
NAMED = 5
"""So many agents are named; of more, how many there are."""
CLOCK: Micros = 30 * SECOND
"""How far clocks may be apart: half of what healer forgives an alert from the future."""
LAG = 10_000
"""Alerts waiting for the engine from which on people hear late (as in deploy/prometheus/healer-alerts.yml)."""

Level = Literal["wrong", "note", "good"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at, and, unless it is good, how to mend it. A `note` may be just as it is meant."""

    level: Level
    what: str
    mend: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """What a running healer says. `not_ready` is its reason, "" when it is ready; `watchdogs` counts that alert."""

    not_ready: str
    numbers: Numbers
    alerts: int
    watchdogs: int
    switches: Sequence[dict[str, Any]]
    refused: Sequence[dict[str, Any]]
    clock_apart: Micros
    """Its clock less this machine's."""
    unplaced: Sequence[str] = ()
    """Names of some alerts without a node, the most frequent first."""
    owner: dict[str, Any] | None = None
    """Which replica converges."""
    halted: str = ""
    """Why a file on its machine says that nothing may be begun."""
    agents: Sequence[dict[str, Any]] | None = None
    """Who is enrolled and invited, where agents may dial in and this replica is the one that they dial."""


def judge(evidence: Evidence) -> Iterator[Finding]:
    """Everything that can be said, the most urgent first: without nodes nothing converges."""
    yield from _placing(evidence)
    yield from _running(evidence)
    yield from _replicas(evidence.owner)
    yield from _store(evidence.numbers)
    yield from _telling(evidence.numbers)
    yield from _escalating(evidence.numbers)
    yield from _healing(evidence)
    yield from _agents(evidence.agents)
    yield from _coming_in(evidence)
    yield from _severities(evidence.numbers)
    yield from _sources(evidence.numbers)
    yield from _clock(evidence.clock_apart)


def _running(evidence: Evidence) -> Iterator[Finding]:
    if evidence.not_ready:
        yield Finding("wrong", evidence.not_ready, "wait a moment after a start; if it stays, healer's log says why")
    else:
        yield Finding("good", "it runs and is ready")
    if evidence.numbers.one("healer_config_last_reload_successful") == 0:
        mend = "`healer check --config FILE` says what to mend; then `systemctl reload healer`, or POST /-/reload"
        yield Finding("wrong", "the last reload was refused: an older configuration is still in force", mend)
    lag = evidence.numbers.one("healer_journal_lag_records") or 0
    if lag > LAG:
        yield Finding(
            "wrong", f"{lag:,.0f} alerts wait to be converged", "a storm passes; if it stays, the machine is too small"
        )
    quarantined = evidence.numbers.one("healer_quarantined") or 0
    if quarantined:
        what = f"{counted(int(quarantined), 'record')} could not be applied and lie in quarantine"
        yield Finding("wrong", what, "this is a fault of healer's: report it with the lines of the log")
    for task in evidence.numbers.each("healer_task_failures_total"):
        what = (
            f"the task {task.labels.get('task', '?')} failed and was started again {counted(int(task.value), 'time')}"
        )
        yield Finding("wrong", what, "healer's log has each failure with its reason")


def _replicas(owner: dict[str, Any] | None) -> Iterator[Finding]:
    """Of several on one store: who converges?"""
    if owner is None or owner["replica"] is None:
        return
    if owner["converges"]:
        yield Finding("good", f"{owner['replica']} converges (epoch {owner['epoch']})")
    elif owner["owner"] is None:
        mend = "one takes over within seconds; if none does, look at the logs of all of them"
        yield Finding("wrong", "no replica converges just now", mend)
    else:
        where = f" at {owner['owner']['url']}" if owner["owner"]["url"] else ""
        yield Finding("good", f"{owner['replica']} follows {owner['owner']['replica']}{where}, which converges")


def _store(numbers: Numbers) -> Iterator[Finding]:
    available = numbers.one("healer_store_available")
    if available == 0:
        mend = "SQLite: look at the free space and the rights of the data folder; PostgreSQL: `healer doctor --config FILE`"
        yield Finding("wrong", "the store cannot be written", mend)
    elif available is not None:
        yield Finding("good", "the store takes what it is given")
    if numbers.one("healer_replay_mismatches_total"):
        yield Finding("wrong", "a replay decided otherwise than was stored", "report it with the lines of the log")


def _telling(numbers: Numbers) -> Iterator[Finding]:
    dead = int(numbers.one("healer_dead_letters") or 0)
    if dead:
        what = f"{counted(dead, 'message')} could not be delivered and will not be tried again"
        yield Finding(
            "wrong",
            what,
            "`healer notifications list --status dead` says why; mend that, then `healer notifications resend --all`",
        )
    counts: dict[str, dict[str, float]] = {}
    for number in numbers.each("healer_notifications_total"):
        counts.setdefault(number.labels.get("channel", "?"), {})[number.labels.get("reason", "?")] = number.value
    for channel, reasons in sorted(counts.items()):
        failed = {reason: count for reason, count in reasons.items() if reason not in DELIVERED and count}
        attempts = sum(reasons.values())
        if failed and sum(failed.values()) >= FAILING * attempts:
            named = ", ".join(f"{reason} {count:.0f}" for reason, count in sorted(failed.items()))
            what = f"the channel {channel} failed in {sum(failed.values()):.0f} of {attempts:.0f} attempts ({named})"
            yield Finding("wrong", what, f"look at channels.{channel} in the configuration, and at the provider")
        elif attempts:
            yield Finding("good", f"the channel {channel} delivers")


def _escalating(numbers: Numbers) -> Iterator[Finding]:
    """Whether everybody is called who should be, and whether anybody can be."""
    unfinished = int(numbers.one("healer_escalations_unfinished") or 0)
    if unfinished:
        what = f"{counted(unfinished, 'call')} of escalations did not reach anybody in time"
        mend = "healer's log says of which incident; `healer notifications list` says what became of each call"
        yield Finding("wrong", what, mend)
    exhausted = int(numbers.one("healer_escalations_exhausted") or 0)
    if exhausted:
        what = f"{counted(exhausted, 'incident')} under way that nobody answered for, whoever was called"
        yield Finding(
            "wrong", what, "`healer incidents list` shows them; `healer incidents ack ID` says that you are on it"
        )
    for number in numbers.each("healer_oncall_people"):
        name = number.labels.get("schedule", "?")
        if not number.value:
            mend = "`healer oncall` says who is next; add a layer that is always there"
            yield Finding("wrong", f"nobody who can be called is on call now by the schedule {name}", mend)
        else:
            yield Finding("good", f"somebody is on call by the schedule {name}")


def _healing(evidence: Evidence) -> Iterator[Finding]:
    if evidence.halted:
        yield Finding("note", f"paused: {evidence.halted}", "healer never makes or removes this file itself")
    for switch in evidence.switches:
        if switch["paused"]:
            why = f": {switch['why']}" if switch["why"] else ""
            what = f"paused ({switch['scope']}) since {switch['at']} by {switch['by']}{why}"
            ends = f"`{resuming(switch['scope'])}` lets repairs start again"
            if doubt := switch.get("doubt"):
                yield Finding("wrong", f"{what}, but {doubt}", f"`healer pause` stops everything; {ends}")
            else:
                yield Finding("note", what, ends)


def _agents(agents: Sequence[dict[str, Any]] | None) -> Iterator[Finding]:
    """Machines that dial in: who should, and does not, or takes nothing."""
    if agents is None:
        return
    known = [each for each in agents if each["status"] != "invited"]
    inactive = [each["name"] for each in known if each["status"] == "inactive"]
    if not known:
        mend = "`healer agents invite NAME` makes a file for one machine; deploy/agent installs it there"
        yield Finding("note", "agents may dial in, and none is enrolled", mend)
    elif inactive:
        what = f"{len(inactive)} of {counted(len(known), 'agent')} inactive: {_some(inactive)}"
        mend = (
            "on such a machine `systemctl status healer-agent` and `journalctl -u healer-agent` say why; "
            "`healer agents remove NAME` forgets one that is gone for good"
        )
        yield Finding("wrong", what, mend)
    else:
        yield Finding("good", f"{counted(len(known), 'agent')} enrolled, and all are active")
    paused = [each["name"] for each in known if each["status"] == "active" and each["paused"]]
    if paused:
        begin = "begins" if len(paused) == 1 else "begin"
        mend = "`healer agents list` says why; the file is on the machine itself, and healer never removes it"
        yield Finding("note", f"{counted(len(paused), 'agent')} {begin} nothing: {_some(paused)}", mend)


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _coming_in(evidence: Evidence) -> Iterator[Finding]:
    if not evidence.alerts:
        mend = "let Prometheus post to healer: deploy/prometheus/prometheus.yml; to see something now: `healer storm`"
        yield Finding("wrong", "no alert is known", mend)
    if not evidence.watchdogs:
        mend = "add deploy/prometheus/watchdog.yml to the rules of Prometheus, so that silence can be told from peace"
        yield Finding("wrong", "the Watchdog, healer's heartbeat, does not come in", mend)
    else:
        yield Finding("good", "the Watchdog comes in")
    if evidence.refused:
        last = evidence.refused[0]
        what = f"alerts were refused, the last at {last['at']} from {last['sender'] or 'an unknown sender'}: {last['detail']}"
        yield Finding("note", what, f"its labels: {last['labels'][:200]}; mend the rule that makes them")


def _severities(numbers: Numbers) -> Iterator[Finding]:
    unknown = sorted(number.labels.get("severity", "") for number in numbers.each("healer_unknown_severity"))
    if unknown:
        named = ", ".join(repr(one) if one else "none at all" for one in unknown)
        what = f"alerts came with severities that are not known and count as warning: {named}"
        yield Finding("note", what, "say what they mean under convergence.severities, or mend the rules that set them")


def _placing(evidence: Evidence) -> Iterator[Finding]:
    mapped, lost = evidence.numbers.one("healer_alerts_mapped"), evidence.numbers.one("healer_alerts_unmapped")
    if mapped is None or lost is None or not mapped + lost:
        return
    share, known = mapped / (mapped + lost), mapped + lost
    what = f"{share:.0%} of {counted(int(known), 'alert')} sit on a node of the topology"
    if share < MAPPED:
        names = f" ({', '.join(evidence.unplaced)})" if evidence.unplaced else ""
        mend = f"`healer topology unmapped` lists the others{names}; add lines for them to topology.nodes (docs/topology.md)"
        yield Finding("wrong", what, mend)
    else:
        yield Finding("good", what)


def _sources(numbers: Numbers) -> Iterator[Finding]:
    """Where the topology comes from: a source that fails or is refused leaves what it said last."""
    refused = {one.labels.get("source", "?") for one in numbers.each("healer_topology_source_refused") if one.value}
    ages = {one.labels.get("source", "?"): one.value for one in numbers.each("healer_topology_source_age_seconds")}
    for number in numbers.each("healer_topology_source_up"):
        name = number.labels.get("source", "?")
        age = f", what it said {format_duration(int(ages[name]) * SECOND)} ago counts" if name in ages else ""
        if name in refused:
            what = f"the topology source {name} says that much of its graph is gone, and is not believed{age}"
            yield Finding("wrong", what, f"if that is right: `healer topology accept {name}`; else mend the source")
        elif not number.value:
            what = f"the topology source {name} cannot be read{age}"
            yield Finding("wrong", what, "`healer topology show` says why")
        elif name not in ages:
            yield Finding("note", f"the topology source {name} has not answered yet", "wait a moment after a start")
        else:
            yield Finding("good", f"the topology source {name} answers")
    conflicts = int(numbers.one("healer_topology_conflicts") or 0)
    if conflicts:
        what = (
            f"the topology's sources disagree about {counted(conflicts, 'fact')}; the first in topology.sources decides"
        )
        yield Finding("note", what, "GET /api/v1/topology/sources lists them: mend one, or change their order")


def _clock(apart: Micros) -> Iterator[Finding]:
    if abs(apart) > CLOCK:
        ahead = "ahead of" if apart > 0 else "behind"
        what = f"its clock is {format_duration(abs(apart) // SECOND * SECOND)} {ahead} this machine's"
        yield Finding("wrong", what, "run a time service (chrony, systemd-timesyncd) on both")
    else:
        yield Finding("good", "its clock agrees with this machine's")
