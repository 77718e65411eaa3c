"""An incident in words: the page that `healer incidents show` prints, and the report. Used by incidents and storm."""

from collections.abc import Callable, Sequence
from typing import Any

from healer.cli.connection import Json
from healer.cli.output import Output
from healer.cli.words import SHORT_SHA, affected, ago, between, counted, name_of, time_of_day
from healer.times import Micros

ALERTS = 20
"""Alerts of an incident that are shown when nothing else is said: root and members come first."""

SHOWN_CANDIDATES = 5

_SAID: dict[str, Callable[[dict[str, str]], str]] = {
    "arrived": lambda facts: f"{facts['alertname']} arrived" + (f" on {facts['node']}" if facts.get("node") else ""),
    "opened": lambda facts: f"opened, with {counted(int(facts['suppressed']) + int(facts['members']), 'more alert')}",
    "reopened": lambda facts: f"{facts['alertname']} came back",
    "resolved": lambda facts: f"resolved ({facts['resolution']})",
    "took root": lambda facts: (
        f"the cause is now {facts['alertname']}" + (f" on {facts['node']}" if facts.get("node") else "")
    ),
    "named": lambda facts: (
        f"the likeliest cause is {facts['alertname']}" + (f" on {facts['node']}" if facts.get("node") else "")
    ),
    "joined": lambda facts: f"{facts['alertname']} on {facts.get('node', 'a node')} is connected, and told with it",
    "acknowledged": lambda facts: f"{_who(facts)} is on it{_because(facts)}",
    "silenced": lambda facts: f"{_who(facts)} silenced it until {facts.get('until', 'it is over')}",
    "confirmed": lambda facts: f"{_who(facts)} confirmed the root{_because(facts)}",
    "blamed": lambda facts: f"{_who(facts)} says that the root is {facts.get('node', 'another node')}{_because(facts)}",
    "split": lambda facts: (
        f"{_who(facts)} split off {counted(int(facts.get('alerts', '1')), 'alert')}{_because(facts)}"
    ),
    "split off": lambda facts: f"what was split off is incident {facts['incident']}",
    "split from": lambda facts: f"split from incident {facts['incident']} by {_who(facts)}",
    "merged by hand": lambda facts: f"{_who(facts)} took in incident {facts.get('incident', '')}{_because(facts)}",
    "noted": lambda facts: f"{_who(facts)}: {facts.get('comment', '')}",
    "closed": lambda facts: f"{_who(facts)} says that it is over{_because(facts)}",
    "merged": lambda facts: f"became part of incident {facts['into']}{_for_reason(facts)}",
    "absorbed": lambda facts: f"took in incident {facts['incident']}{_for_reason(facts)}",
    "parted": lambda facts: f"incident {facts['incident']} split off{_for_reason(facts)}",
    "parted from": lambda facts: f"split off from incident {facts['incident']}{_for_reason(facts)}",
    "said again": lambda facts: f"said again: {counted(int(facts['suppressed']), 'alert')} still suppressed",
    "told": lambda facts: (
        f"people were told through {facts.get('channel', 'a channel')}"
        + (f" in the place of {facts['meant_for']}" if facts.get("meant_for") else "")
    ),
    "passed on": lambda facts: (
        f"{facts.get('channel', 'a channel')} could not be reached, so {facts['to']} is told: {facts.get('why', '')}"
    ),
    "escalation began": lambda facts: f"escalation {facts['escalation']}: nobody is on it yet",
    "escalated": lambda facts: f"escalation {facts['escalation']}, step {facts['step']}: called {facts['to']}",
    "nobody to call": lambda facts: (
        f"escalation {facts['escalation']}, step {facts['step']}: nobody is behind {facts['tell']} now, so the next one is called"
    ),
    "escalation ended": lambda facts: (
        f"escalation {facts['escalation']} ended after {counted(int(facts['calls']), 'step')}: {facts['why']}"
    ),
    "escalation exhausted": lambda facts: (
        f"escalation {facts['escalation']} is at its end after {counted(int(facts['calls']), 'step')}, and nobody answered"
    ),
    "unheard": lambda facts: (
        "it was over before anybody heard of it" + (f" in {facts['channel']}" if facts.get("channel") else "")
    ),
    "edited": lambda facts: f"the message in {facts.get('channel', 'a channel')} was brought up to date",
    "barred": lambda facts: f"{facts['rule']}: nothing is begun, {facts['why']}",
    "flapping": lambda _: "it comes and goes: told once, and nothing is run, until it is calm",
    "calm": lambda _: "it is calm again",
    "demoted": lambda facts: f"{facts['rule']} asks from now on before it acts on a {facts['kinds']}: {facts['why']}",
    "withheld": lambda facts: f"{facts['rule']}: nothing is begun, the target is left to {facts['why']}",
    "matched": lambda facts: (
        f"rule {facts['rule']!r} says: {facts['what']} ({facts['state']}"
        + (f": {facts['detail']})" if facts.get("detail") else ")")
    ),
}
"""The timeline's codes in words. What is not listed is a remediation's state, or newer than this command."""


def _who(facts: dict[str, str]) -> str:
    return facts.get("by") or "somebody"


def _because(facts: dict[str, str]) -> str:
    return f": {facts['comment']}" if facts.get("comment") else ""


def _for_reason(facts: dict[str, str]) -> str:
    return f": {facts['reason']}" if facts.get("reason") else ""


def show(output: Output, incident: Json, now: Micros, *, alerts: int = ALERTS) -> None:
    """One page: what, since when, why, what was done."""
    root = incident["root"]
    output.line(incident["title"] or name_of(root["labels"]), "bold")
    output.facts(
        (
            ("incident", incident["id"]),
            ("status", incident["status"] + (f" into {incident['merged_into']}" if incident["merged_into"] else "")),
            ("severity", incident["severity"]),
            ("root", f"{name_of(root['labels'])} on {root['node'] or 'no node'}"),
            ("found", _found(incident)),
            ("began", f"{_moment(root['onset'])}, {ago(root['onset'], now)} ago"),
            ("opened", _moment(incident["opened_at"])),
            ("ended", _ended(incident)),
            ("alerts", _alerts(incident)),
            ("people", people(incident)),
            ("told", "" if incident["told"] else "nobody needs to hear of it"),
            ("trace", incident["trace_id"]),
        )
    )
    _remediations(output, incident["remediations"])
    _candidates(output, incident)
    _changes(output, incident)
    _table(output, incident, alerts)


def report(output: Output, incident: Json, timeline: Sequence[Json], now: Micros, *, alerts: int = ALERTS) -> None:
    """The page, and everything that happened in its order."""
    show(output, incident, now, alerts=alerts)
    output.heading("What happened (UTC)")
    rows = [(time_of_day(each["at"]), each["stage"], said(each)) for each in timeline]
    output.table(("AT", "STAGE", "WHAT"), rows, empty="nothing is recorded")


def said(happening: Json) -> str:
    """One line of a timeline as a sentence."""
    code, facts = happening["code"], happening["facts"]
    if code in _SAID:
        return _SAID[code](facts)
    words = [facts["what"]] if facts.get("what") else []
    words.append(code.replace("_", " "))
    if facts.get("detail"):
        words[-1] += f": {facts['detail']}"
    return " ".join(words)


def _ended(incident: Json) -> str:
    if not incident["resolved_at"]:
        return ""
    took = between(incident["root"]["onset"], incident["resolved_at"])
    return f"{_moment(incident['resolved_at'])}, after {took} ({incident['resolution'] or 'ended'})"


def _alerts(incident: Json) -> str:
    others = affected(incident)
    if not others:
        return "1, which affects nothing else"
    still = incident["firing_count"]
    return f"{incident['alert_count']}: 1 root explains {counted(others, 'alert')}; {still} still firing"


HOW = {
    "direct": "directly: it is down, and nothing above it explains it",
    "ranked": "by rank: the best of {count}",
    "person": "by a person",
    "silent": "the first of several that are down at once: what lies above them has no alert, and is suspected",
}
"""How a root was found, in words."""


def _found(incident: Json) -> str:
    """How the root was found, and how sure that is."""
    count = counted(len(incident.get("candidates", ())), "candidate")
    how = HOW.get(incident.get("how", ""), "").format(count=count)
    sure, record = incident.get("confidence"), incident.get("confidence_record", {"right": 0, "of": 0})
    if not how or incident["how"] == "person":
        return how
    known = f"{record['right']} of {record['of']} such roots proved right here"
    return f"{how}; {sure:.0%} sure ({known})" if sure is not None else f"{how}; how sure is not known yet ({known})"


def _candidates(output: Output, incident: Json) -> None:
    """The nodes that could be the cause, where there is more than one."""
    found = incident.get("candidates", ())
    if len(found) < 2:
        return
    output.heading("What it could come from")
    rows = [(f"{each['score']:.2f}", each["node"], each["why"]) for each in found[:SHOWN_CANDIDATES]]
    output.table(("SCORE", "NODE", "WHY"), rows, empty="")


def _changes(output: Output, incident: Json) -> None:
    """What was deployed or pushed shortly before."""
    found = incident.get("changes", ())
    if not found:
        return
    output.heading("What changed before")
    onset = incident["root"]["onset"]
    rows = [
        (
            f"{between(each['at'], onset)} before",
            each["repo"],
            f"{each['kind']} {each['state']}" + (f" to {each['env']}" if each["env"] else ""),
            each["sha"][:SHORT_SHA] or "-",
            each["actor"] or "-",
            ", ".join(each["nodes"]),
        )
        for each in found
    ]
    output.table(("WHEN", "REPOSITORY", "WHAT", "COMMIT", "BY", "NODES"), rows, empty="")


def _remediations(output: Output, found: Sequence[Json]) -> None:
    if not found:
        return
    output.heading("Remedies")
    rows = [(each["id"], each["state"], rule_text(each)) for each in found]
    output.table(("REMEDIATION", "STATE", "RULE"), rows, empty="")


def _table(output: Output, incident: Json, limit: int) -> None:
    output.heading("Its alerts")
    rows = [alert_row(each) for each in incident["alerts"][:limit]]
    output.table(ALERT_COLUMNS, rows, empty="none is known any more")
    rest = incident["alert_count"] - len(rows)
    if rest > 0:
        output.aside(f"and {rest} more; --alerts {incident['alert_count']} shows all")


ALERT_COLUMNS = ("STATUS", "SEVERITY", "FINGERPRINT", "ALERT", "NODE", "REASON")


def alert_row(alert: Json) -> tuple[Any, ...]:
    """An alert as every command lists it."""
    return (
        alert["status"],
        alert["severity"],
        alert["fingerprint"],
        name_of(alert["labels"]),
        alert["node"] or "-",
        alert["reason"],
    )


def rule_text(remediation: Json) -> str:
    """Which rule, and what is to be said of how it went."""
    return f"{remediation['rule']}: {remediation['detail']}" if remediation["detail"] else str(remediation["rule"])


def people(incident: Json) -> str:
    """Who said what of it, in the order of its weight."""
    said = {
        "closed_by": "{} closed it",
        "blamed_by": "{} named its root",
        "confirmed_by": "{} confirmed its root",
        "acknowledged_by": "{} is on it",
    }
    return "; ".join(words.format(incident[name]) for name, words in said.items() if incident.get(name))


def _moment(moment: str | None) -> str:
    return f"{moment[:10]} {moment[11:19]} UTC" if moment else ""
