"""Send a storm to a running healer, recorded or generated, and see what comes out. Its cause is known.

  healer storm                            a core switch dies, against the healer of `make run`
  healer storm --resolve                  everything works again
  healer storm --list                     which kinds can be generated
  healer storm --kind switch --seed 7 --write case.json --topology topology.json     make one, send nothing
  healer storm --kind switch --seed 7 --speed 10x                                    send it, ten times as fast as life
  healer storm --case case.json           send a case of `healer converge`

Its alerts carry the label drill="NAME". They are not real, but healer treats them as if they were: where others would hear
of it, --yes is asked for. The recorded storm knows the nodes of deploy/quickstart/topology.yaml; for a generated one, give
healer the topology that --topology writes.
"""

import argparse
import asyncio
from bisect import bisect_left
from collections.abc import Callable
from urllib.parse import urlsplit

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from healer.alerts.instants import read_instant
from healer.cli import connection, incidents, made
from healer.cli.connection import Connection, Json
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.invocation import typed
from healer.cli.output import Output
from healer.cli.recording import MARK, Recording, Told, as_webhook, load
from healer.cli.words import counted
from healer.seams import Clock, SystemClock
from healer.settings.client import DEFAULT_URL
from healer.times import SECOND, Micros
from healer.web.settings import is_loopback

SLICES = 40
"""Requests into which the storm is cut, as several Prometheus servers would send it; more where it takes longer."""
SENDING_S = 10.0
"""How long sending takes when nothing else is said: shorter than the hold of critical alerts, as the real thing may be."""
PATIENCE: Micros = 60 * SECOND
"""How long to wait until nothing is held any more; `hold` is 30 s unless it is set."""
LOOK_S = 0.5
BATCH = 1_000
"""Alerts of one request."""
SHOWN = 100
"""Incidents that are looked at when it is over."""

Wait = Callable[[float], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    made.add_arguments(parser)
    parser.add_argument("--resolve", action="store_true", help="end the storm that was sent before")
    parser.add_argument("--seconds", type=float, default=SENDING_S, metavar="N", help="how long sending takes")
    parser.add_argument("--speed", metavar="10x", help="instead: so many times as fast as it happened; 1x is real time")
    parser.add_argument(
        "--webhook", action="store_true", help="send as Alertmanager's webhook, not as Prometheus to API v2"
    )
    parser.add_argument("--yes", action="store_true", help="send it to a healer that is not on this machine, too")
    connection.add_arguments(parser)


def sleep(seconds: float) -> None:
    """Wait by the event loop's clock."""
    asyncio.run(asyncio.sleep(seconds))


def run(arguments: argparse.Namespace, output: Output | None = None, wait: Wait = sleep) -> int:
    output = output or Output()
    if arguments.list:
        made.show_kinds(output, as_json=arguments.json)
        return 0
    recording = made.recording(arguments, output) or load("core-switch")
    if arguments.write or arguments.topology:
        return 0
    seconds = _seconds(arguments, recording)
    link = connection.connect(arguments, output)
    host = urlsplit(link.url).hostname or ""
    if not is_loopback(host) and not arguments.yes:
        raise Failure(
            f"{host} is not this machine, and people may be told there: add --yes if that is meant", CALLED_WRONG
        )
    clock = SystemClock()
    link.text("/-/ready")
    door = Door(link, webhook=arguments.webhook)
    began = clock.now()
    if arguments.resolve:
        _resolve(link, door, recording, clock, output, wait)
    else:
        _send(door, recording, clock, output, seconds, wait)
        _until_decided(link, recording, clock, output, wait)
    if arguments.resolve:
        left = _count(link, recording, "open")
        _say_over(left, output, as_json=arguments.json)
        return 0
    found = _found(link, recording, began)
    if arguments.json:
        causes, total = recording.roots, len(found)
        output.json({"alerts": len(recording.alerts), "causes": causes, "incidents": found, "total": total})
    else:
        _show(link, recording, found, output)
    return 0 if _named(recording, found) else FOUND_WRONG


def _say_over(left: int, output: Output, *, as_json: bool) -> None:
    if as_json:
        output.json({"open": left})
    else:
        output.line(f"{counted(left, 'incident')} of the storm still open." if left else "The storm is over.")


def _found(link: Connection, recording: Recording, began: Micros) -> list[Json]:
    """The storm's incidents, less those that were over before it was sent: it may have been sent before."""
    found, _ = link.all("/api/v1/incidents", SHOWN, filter=f'{MARK}="{recording.name}"')
    return [one for one in found if not one["resolved_at"] or read_instant(one["resolved_at"]) >= began]


class Door:
    """Where alerts go in: API v2 as Prometheus uses it, or Alertmanager's webhook."""

    def __init__(self, link: Connection, *, webhook: bool) -> None:
        self._link = link
        self._webhook = webhook

    def send(self, alerts: list[Told]) -> None:
        for start in range(0, len(alerts), BATCH):
            batch = alerts[start : start + BATCH]
            if self._webhook:
                self._link.post("/api/v1/webhooks/alertmanager", as_webhook(batch))
            else:
                self._link.post("/api/v2/alerts", [one.posted for one in batch])


def _seconds(arguments: argparse.Namespace, recording: Recording) -> float:
    """How long sending is to take."""
    if arguments.speed is None:
        return max(float(arguments.seconds), 0.0)
    try:
        speed = float(arguments.speed.lower().removesuffix("x"))
    except ValueError:
        speed = 0.0
    if speed < 1:
        raise Failure(f"--speed {arguments.speed}: write 1x, 10x or more: nothing is slower than life", CALLED_WRONG)
    return recording.length / speed


def _named(recording: Recording, found: list[Json]) -> bool:
    """Whether every cause is the root of an incident of the storm; what was recorded has to become a single one."""
    roots = {incident["root"]["node"] for incident in found}
    return set(recording.roots) <= roots and (recording.generated or len(found) == 1)


def _send(door: Door, recording: Recording, clock: Clock, output: Output, seconds: float, wait: Wait) -> None:
    output.aside(f"{recording.about} {counted(len(recording.alerts), 'alert')}, in {seconds:.0f} s:")
    # What is sent slower than it happened would begin in the future.
    end = clock.now() + int(min(seconds, recording.length) * SECOND)
    step = recording.length // max(SLICES, int(seconds)) + 1
    schedule = recording.schedule(end)
    sent = 0
    with _progress(output) as progress:
        task = progress.add_task("sending", total=len(recording.alerts))
        for start in range(0, recording.length + 1, step):
            until = bisect_left(schedule, start + step, key=lambda one: one[0])
            batch, sent = [told for _, told in schedule[sent:until]], until
            door.send(batch)
            progress.advance(task, sum(one.firing for one in batch))
            wait(seconds * step / (recording.length + 1))


def _resolve(link: Connection, door: Door, recording: Recording, clock: Clock, output: Output, wait: Wait) -> None:
    alerts = recording.resolved(clock.now())
    with _progress(output) as progress:
        task = progress.add_task("resolving", total=len(alerts))
        for start in range(0, len(alerts), BATCH):
            door.send(alerts[start : start + BATCH])
            progress.advance(task, len(alerts[start : start + BATCH]))
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
        f"{alerts} became {counted(len(found), 'incident')}:",
        "bold green" if _named(recording, found) else "bold yellow",
    )
    incidents.table(output, found, empty="")
    _judge(recording, found, output)
    if len(found) > len(recording.roots):
        lost = _unplaced(link, recording)
        if lost:
            output.line(f"{lost} alerts sit on no node of this healer's topology: {_way_out(recording)}", "yellow")
    output.heading("Look further")
    output.facts(_next_steps(found[0], link, recording))


def _judge(recording: Recording, found: list[Json], output: Output) -> None:
    """Say what the cause was, and whether healer found it."""
    if not recording.generated:
        return
    roots = {incident["root"]["node"] for incident in found}
    for cause in filter(None, recording.roots):
        named = cause in roots
        verdict = "healer names it" if named else "healer names something else"
        output.line(f"The cause: {cause}; {verdict}.", "green" if named else "yellow")


def _way_out(recording: Recording) -> str:
    if recording.generated:
        return "have it written with --topology FILE, and name it under topology.sources"
    return "the storm is recorded in deploy/quickstart/topology.yaml, try it with `make run`"


def _next_steps(incident: Json, link: Connection, recording: Recording) -> list[tuple[str, str]]:
    healer = typed()
    again = f" {recording.again}" if recording.again else ""
    where = f" --url {link.url}" if link.url != DEFAULT_URL else ""
    steps = [(f"{healer} incidents show {incident['id']}{where}", "the incident with its alerts")]
    hidden = [each for each in incident["alerts"] if each["status"] == "suppressed"]
    if hidden:
        steps.append((f"{healer} why {hidden[0]['fingerprint']}{where}", "why nobody was told of that one"))
    return [*steps, (f"{healer} storm{again} --resolve{where}", "everything works again")]


def _unplaced(link: Connection, recording: Recording) -> int:
    items, _ = link.all("/api/v1/alerts", len(recording.alerts), filter=f'{MARK}="{recording.name}"')
    return sum(each["node"] is None for each in items)


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=output.errors, disable=not output.errors.is_terminal)
