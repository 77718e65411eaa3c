"""What would happen for this alert now: the rules that listen, the plan, the guards. Runs nothing.

healer plan ALERT.json                         asks the running healer, which asks Prometheus what the rules want to know
healer plan ALERT.json --config healer.yaml    by a configuration's rules and topology, without a service
healer plan ALERT.json --rules rules/          by these rules alone

ALERT.json is one alert, as Alertmanager and Prometheus write it; of a whole webhook the first.
"""

import argparse
import asyncio
from pathlib import Path
from typing import Any

import msgspec

from healer.alerts.instants import BadTime, read_instant
from healer.cli import connection
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files, read_settings
from healer.convergence.settings import Convergence
from healer.journey.charter import Charter, Deciding
from healer.journey.records import Adopted
from healer.rehearsal.preview import preview
from healer.seams import SystemClock
from healer.settings import Settings
from healer.settings.calendars import read_calendar
from healer.settings.permitted import health_of
from healer.topology import graph
from healer.topology.sources.file import read_topology
from rules import DEFAULT_HEALTH, format_problem

WORDS = {True: "holds", False: "does not hold", None: "is unknown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("alert", type=Path, metavar="ALERT.json")
    parser.add_argument("--config", type=Path, metavar="FILE", help="by this configuration, without a service")
    parser.add_argument("--rules", type=Path, action="append", default=[], metavar="PATH", help="by these rules")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    labels, starts_at = read_alert(arguments.alert)
    if arguments.config is None and not arguments.rules:
        link = connection.connect(arguments, output)
        found = link.post("/api/v1/plan", msgspec.json.decode(arguments.alert.read_bytes()))
    else:
        charter = _charter(read_settings(arguments.config), arguments.rules)
        found = asyncio.run(preview(labels, charter, SystemClock().now(), starts_at=starts_at))
    if arguments.json:
        output.json(found)
    else:
        _show(output, found)
    return 0


def read_alert(file: Path) -> tuple[dict[str, str], int]:
    """Labels and start (0: now) of the alert in a file. Raises Failure."""
    try:
        said: Any = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", CALLED_WRONG) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{file} is not JSON: {error}", CALLED_WRONG) from None
    if isinstance(said, dict) and isinstance(said.get("alerts"), list):
        said = said["alerts"]
    if isinstance(said, list):
        said = said[0] if said else None
    labels = said.get("labels") if isinstance(said, dict) else None
    if not isinstance(labels, dict) or not labels or not all(isinstance(v, str) for v in labels.values()):
        raise Failure(f'{file} holds no alert: {{"labels": {{"alertname": "HostDown", ...}}}}', CALLED_WRONG)
    try:
        return labels, read_instant(str(said.get("startsAt") or ""))
    except BadTime as error:
        raise Failure(f"{file}: startsAt {error}", CALLED_WRONG) from None


def _charter(settings: Settings | None, paths: list[Path]) -> Charter:
    compiled = compiled_files(paths, settings)
    if compiled.ruleset is None:
        errors = [format_problem(problem) for problem in compiled.problems if problem.severity == "error"]
        raise Failure("\n".join(errors), FOUND_WRONG)
    topology = read_topology(settings.topology.files) if settings else graph.Topology()
    deciding = Deciding(
        place=settings.place if settings else "only",
        dry_run=settings.rules.dry_run if settings else False,
        packs=(),
        convergence=settings.convergence if settings else Convergence(),
        mappings=settings.topology.nodes if settings else (),
        labels=settings.topology.labels if settings else (),
        max_nodes=settings.topology.max_nodes if settings else 1_000_000,
        health=health_of(settings) if settings else dict(DEFAULT_HEALTH),
        channels=(),
        routes=(),
        calendars={name: read_calendar(file) for name, file in settings.calendars.items()} if settings else {},
    )
    return Charter(Adopted("plan", "plan", "plan"), deciding, topology.encode(), compiled.ruleset)


def _show(output: Output, found: dict[str, Any]) -> None:
    incident = found["incident"]
    if incident is not None:
        where = "" if incident["node"] else ", on no node"
        output.line(f"{incident['title']} ({incident['severity']}){where}", "bold")
    if not found["rules"]:
        output.line("no rule listens to this alert")
    for rule in found["rules"]:
        start = "would start" if rule["would_start"] else "would not start"
        output.heading(f"{rule['rule']} ({rule['path']}, mode {rule['mode']}): {start}")
        for clause in rule["clauses"]:
            output.line(f"  {clause['clause']} {WORDS[clause['value']]}")
            for line in clause["because"]:
                output.line(f"    {line}", "dim")
        for query in rule["not_asked"]:
            output.line(f"  not asked: {query}", "yellow")
    if found["plan"] is not None:
        _show_plan(output, found["plan"])
    output.line()
    output.line(found["note"], "green")


def _show_plan(output: Output, plan: dict[str, Any]) -> None:
    output.heading(f"The plan of {plan['rule']} would be {plan['would_be'].replace('_', ' ')}")
    for why in (*plan["refusals"], *(plan[key] for key in ("capped_by", "asks_because") if plan[key])):
        output.line(f"  {why}", "yellow")
    for asked in plan["approve"]:
        output.line(f"  asks {asked['people']} of {asked['who']} for {asked['within']}")
    for name in ("steps", "otherwise", "after_success", "undo"):
        for step in plan[name]:
            said = " ".join(step["preview"]["argv"]) or step["preview"]["call"] or step["until"] or ""
            output.line(f"  {name.replace('_', ' ')}: {step['action']} on {step['node'] or 'nothing'}: {said}")
            if step["preview"].get("change"):
                output.line(f"    would change: {step['preview']['change']}", "dim")
            for guard in step["guards"]:
                if not guard["allows"]:
                    output.line(f"    {guard['guard']} refuses: {guard['why']}", "yellow")
            if step["guards"] and all(guard["allows"] for guard in step["guards"]):
                output.line(f"    no guard refuses: {', '.join(guard['guard'] for guard in step['guards'])}", "dim")
    output.line(f"  verified by: {plan['verify']}")
    output.line(f"  limited to: {', '.join(plan['limits'])} ({plan['note']})")
