"""Why an alert was, or was not, told: which root explains it, over which path, how far apart in time, by which setting.

healer why 3f2a9c01d4e5b677
healer why 'alertname=HostDown,instance="r01-h01:9100"'
"""

import argparse
import re

from healer.cli import connection
from healer.cli.connection import Connection, Json
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.words import SHORT_SHA, ago, label_text, name_of
from healer.seams import SystemClock
from healer.times import Micros

LISTED = 20
"""Alerts offered when labels match several."""
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{16}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "alert", metavar="FINGERPRINT|LABELS", help="16 hexadecimal digits, or labels that name one alert"
    )
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    found = link.get(f"/api/v1/alerts/{_fingerprint(link, arguments.alert)}/explanation")
    if arguments.json:
        output.json(found)
    else:
        _explain(output, found)
    return 0


def _fingerprint(link: Connection, said: str) -> str:
    """The one alert that is meant. Raises Failure where it is none or several."""
    if _FINGERPRINT.fullmatch(said):
        return said
    if "=" not in said and "!~" not in said:
        hint = "16 hexadecimal digits, or labels such as alertname=HostDown,host=r1"
        raise Failure(f"{said!r} is neither a fingerprint nor labels: expected {hint}", CALLED_WRONG)
    page = link.get("/api/v1/alerts", filter=said, limit=LISTED)
    items = page["items"]
    if not items:
        raise Failure(f"no alert has the labels {said}; `healer alerts` lists those that are known")
    if page["total"] > 1:
        lines = [f"  {each['fingerprint']}  {label_text(each['labels'])}" for each in items]
        more = [f"  and {page['total'] - len(items)} more"] if page["total"] > len(items) else []
        raise Failure("\n".join([f"{page['total']} alerts have these labels; say which:", *lines, *more]))
    fingerprint: str = items[0]["fingerprint"]
    return fingerprint


def _explain(output: Output, found: Json) -> None:
    now = SystemClock().now()
    output.line(f"{name_of(found['labels'])}: {found['status']}", "bold")
    for sentence in found["because"]:
        output.line(f"  {sentence}")
    by = found["by"]
    output.line()
    output.facts(
        (
            ("labels", label_text(found["labels"])),
            ("node", found["node"] or "none: no line of topology.nodes places it (healer topology map)"),
            ("severity", found["severity"]),
            ("began", f"{found['onset']}, {ago(found['onset'], now)} ago" if found["onset"] else ""),
            ("started to fire", found["startsAt"]),
            ("ended", f"{found['endsAt']} ({found['resolution']})" if found["endsAt"] else ""),
            ("held until", found["held_until"] if found["status"] == "held" else ""),
            ("silence", found["silence"]),
            ("root", f"{by['fingerprint']}  {label_text(by['labels'])}" if by else ""),
            ("incident", found["incident"]),
            ("trace", found["trace_id"]),
            *(("changed before", _changed(each, now)) for each in found.get("changes", ())),
        )
    )


def _changed(change: Json, now: Micros) -> str:
    """`acme/shop deploy succeeded to prod, 5m ago, by ann (1a2b3c4d)`."""
    where = f" to {change['env']}" if change["env"] else ""
    who = f", by {change['actor']}" if change["actor"] else ""
    which = f" ({change['sha'][:SHORT_SHA]})" if change["sha"] else ""
    return f"{change['repo']} {change['kind']} {change['state']}{where}, {ago(change['at'], now)} ago{who}{which}"
