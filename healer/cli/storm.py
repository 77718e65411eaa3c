"""Send a recorded storm to a running healer: a core switch dies, and everything behind it alerts. See one incident come out.

  healer storm               against the healer of `make run`
  healer storm --resolve     everything works again

Its alerts carry the label drill="core-switch". They are not real, but healer treats them as if they were: where others
would hear of it, --yes is asked for. The nodes are those of deploy/quickstart/topology.yaml.
"""

import argparse
import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from healer.cli import connection, incidents
from healer.cli.connection import Connection, Json
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.invocation import typed
from healer.cli.output import Output
from healer.cli.recording import MARK, Recording, load
from healer.cli.words import counted
from healer.seams import Clock, SystemClock
from healer.settings.client import DEFAULT_URL
from healer.times import SECOND, Micros
from healer.web.settings import is_loopback

SLICES = 40
"""Requests into which the storm is cut, as several Prometheus servers would send it."""
SENDING_S = 10.0
"""How long sending takes when nothing else is said: shorter than the hold of critical alerts, as the real thing may be."""
PATIENCE: Micros = 60 * SECOND
"""How long to wait until nothing is held any more; `hold` is 30 s unless it is set."""
LOOK_S = 0.5
BATCH = 100
"""Alerts of one request that ends them."""

Wait = Callable[[float], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resolve", action="store_true", help="end the storm that was sent before")
    parser.add_argument("--seconds", type=float, default=SENDING_S, metavar="N", help="how long sending takes")
    parser.add_argument("--yes", action="store_true", help="send it to a healer that is not on this machine, too")
    connection.add_arguments(parser)


def sleep(seconds: float) -> None:
    """Wait by the event loop's clock."""
    asyncio.run(asyncio.sleep(seconds))


def run(arguments: argparse.Namespace, output: Output | None = None, wait: Wait = sleep) -> int:
    output = output or Output()
    recording = load("core-switch")
    link = connection.connect(arguments, output)
    host = urlsplit(link.url).hostname or ""
    if not is_loopback(host) and not arguments.yes:
        raise Failure(
            f"{host} is not this machine, and people may be told there: add --yes if that is meant", CALLED_WRONG
        )
    clock = SystemClock()
    link.text("/-/ready")
    if arguments.resolve:
        _resolve(link, recording, clock, output, wait)
    else:
        _send(link, recording, clock, output, lambda seconds: wait(seconds * max(arguments.seconds, 0)))
        _until_decided(link, recording, clock, output, wait)
    found = link.get("/api/v1/incidents", filter=f'{MARK}="{recording.name}"', status="open", limit=20)["items"]
    if arguments.json:
        output.json({"alerts": len(recording.alerts), "incidents": found, "total": len(found)})
    elif arguments.resolve:
        output.line(f"{counted(len(found), 'incident')} of the storm still open." if found else "The storm is over.")
    else:
        _show(link, recording, found, output)
    return FOUND_WRONG if not arguments.resolve and len(found) != 1 else 0


def _send(link: Connection, recording: Recording, clock: Clock, output: Output, wait: Wait) -> None:
    output.aside(f"{recording.about} {counted(len(recording.alerts), 'alert')}:")
    end = clock.now()
    step = recording.length // SLICES + 1
    with _progress(output) as progress:
        task = progress.add_task("sending", total=len(recording.alerts))
        for start in range(0, recording.length + 1, step):
            batch = recording.firing(start, start + step, end)
            if batch:
                link.post("/api/v2/alerts", batch)
                progress.advance(task, len(batch))
            wait(1 / SLICES)


def _resolve(link: Connection, recording: Recording, clock: Clock, output: Output, wait: Wait) -> None:
    alerts = list(recording.resolved(clock.now()))
    with _progress(output) as progress:
        task = progress.add_task("resolving", total=len(alerts))
        for start in range(0, len(alerts), BATCH):
            batch = alerts[start : start + BATCH]
            link.post("/api/v2/alerts", batch)
            progress.advance(task, len(batch))
    until = clock.monotonic() + PATIENCE
    while _count(link, recording, "open") and clock.monotonic() < until:
        wait(LOOK_S)


def _until_decided(link: Connection, recording: Recording, clock: Clock, output: Output, wait: Wait) -> None:
    """Wait until no alert of the storm is held: from then on people have heard what there is to hear."""
    until = clock.monotonic() + PATIENCE
    with output.errors.status("healer waits a moment for the cause of all this (convergence.hold)"):
        while clock.monotonic() < until:
            if not _held(link, recording) and _count(link, recording, "open"):
                return
            wait(LOOK_S)


def _held(link: Connection, recording: Recording) -> int:
    page = link.get("/api/v1/alerts", filter=f'{MARK}="{recording.name}"', status="held", limit=1)
    return int(page["total"])


def _count(link: Connection, recording: Recording, status: str) -> int:
    page = link.get("/api/v1/incidents", filter=f'{MARK}="{recording.name}"', status=status, limit=1)
    return int(page["total"])


def _show(link: Connection, recording: Recording, found: list[Json], output: Output) -> None:
    alerts = f"{len(recording.alerts)} alerts"
    if not found:
        output.line(
            f"{alerts} were sent and no incident came out yet: `healer alerts --status held` shows what waits", "yellow"
        )
        return
    output.line(
        f"{alerts} became {counted(len(found), 'incident')}:", "bold green" if len(found) == 1 else "bold yellow"
    )
    incidents.table(output, found, empty="")
    if len(found) > 1:
        lost = _unplaced(link, recording)
        if lost:
            output.line(
                f"{lost} alerts sit on no node of this healer's topology: the storm is recorded in "
                "deploy/quickstart/topology.yaml, try it with `make run`",
                "yellow",
            )
    output.heading("Look further")
    output.facts(_next_steps(found[0], link))


def _next_steps(incident: Json, link: Connection) -> list[tuple[str, str]]:
    healer = typed()
    where = f" --url {link.url}" if link.url != DEFAULT_URL else ""
    steps = [(f"{healer} incidents show {incident['id']}{where}", "the incident with its alerts")]
    hidden = [each for each in incident["alerts"] if each["status"] == "suppressed"]
    if hidden:
        steps.append((f"{healer} why {hidden[0]['fingerprint']}{where}", "why nobody was told of that one"))
    return [*steps, (f"{healer} storm --resolve{where}", "everything works again")]


def _unplaced(link: Connection, recording: Recording) -> int:
    items, _ = link.all("/api/v1/alerts", len(recording.alerts), filter=f'{MARK}="{recording.name}"')
    return sum(each["node"] is None for each in items)


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=output.errors, disable=not output.errors.is_terminal)
