"""The noise budget: what came in, what people were told of it, what was repaired and whether that helped.

healer report [--since 7d] [--json]
"""

import argparse

from healer.cli import connection
from healer.cli.connection import Json
from healer.cli.output import Output
from healer.cli.words import counted, rough
from healer.times import SECOND

SINCE = "7d"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", default=SINCE, metavar="DURATION", help=f"how far back: 24h, 30d (else {SINCE})")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    found = link.get("/api/v1/report", since=arguments.since)
    if arguments.json:
        output.json(found)
        return 0
    _numbers(output, found)
    _channels(output, found["channels"])
    _rules(output, found["rules"])
    if not found["complete"]:
        output.aside("There was more than is looked at: this is the newest of it. A shorter --since shows all.")
    return 0


def _numbers(output: Output, found: Json) -> None:
    output.line(f"{_moment(found['since'])} to {_moment(found['until'])}", "bold")
    severities = ", ".join(f"{count:,} {severity}" for severity, count in found["severities"].items())
    noisiest = ", ".join(f"{name or '(no alertname)'} {count:,}" for name, count in found["noisiest"].items())
    output.facts(
        (
            ("alerts", f"{found['alerts']:,} came in" + (f", {found['refused']:,} refused" * bool(found["refused"]))),
            (
                "incidents",
                f"{found['incidents']:,}, {found['open']:,} of them open" + f" ({severities})" * bool(severities),
            ),
            ("messages", _messages(found)),
            ("unheard", _unheard(found)),
            ("repairs", _repairs(found)),
            ("noisiest", noisiest),
            ("unmapped", counted(found["unmapped"], "incident") + " on no node" if found["unmapped"] else ""),
            ("roots", _roots(found)),
            ("medians", _medians(found["median_seconds"])),
        )
    )


def _messages(found: Json) -> str:
    channels = found["channels"].values()
    edits, night, dead = (sum(one[name] for one in channels) for name in ("edits", "at_night", "dead"))
    per = f", {found['messages'] / found['incidents']:.1f} for each incident" if found["incidents"] else ""
    said = f"{found['messages']:,} new{per}; {night:,} at night; {counted(edits, 'edit')}"
    return said + (f"; {counted(dead, 'dead letter')}" if dead else "")


def _unheard(found: Json) -> str:
    count = found.get("unheard", 0)
    return f"{counted(count, 'incident')} over before anybody heard, and not critical: nobody was told" if count else ""


def _repairs(found: Json) -> str:
    repairs = found["repairs"]
    began = repairs["helped"] + repairs["did_not_help"] + repairs["under_way"]
    words = [f"{began:,} begun", f"{repairs['helped']:,} helped", f"{repairs['did_not_help']:,} did not"]
    words += [f"{repairs['not_run']:,} suggested, observed or refused"] if repairs["not_run"] else []
    return "; ".join([", ".join(words), f"{counted(found['healed_alone'], 'incident')} healed without a person"])


def _roots(found: Json) -> str:
    confirmed, wrong = found["roots_confirmed"], found["roots_wrong"]
    return f"people confirmed {confirmed:,} and corrected {wrong:,}" if confirmed or wrong else ""


def _medians(found: Json) -> str:
    names = (
        ("to_tell", "to the first message"),
        ("to_acknowledge", "from there to an answer"),
        ("to_resolve", "to the end"),
    )
    known = [f"{rough(int(found[name] * SECOND))} {words}" for name, words in names if found[name] is not None]
    return ", ".join(known)


def _channels(output: Output, channels: Json) -> None:
    if not channels:
        return
    output.heading("Channels")
    rows = [(name, one["new"], one["at_night"], one["edits"], one["dead"] or "") for name, one in channels.items()]
    output.table(("CHANNEL", "NEW", "AT NIGHT", "EDITS", "DEAD"), rows, empty="")


def _rules(output: Output, rules: Json) -> None:
    if not rules:
        return
    output.heading("Rules")
    rows = [(one["helped"], one["did_not_help"], one["under_way"], one["not_run"], name) for name, one in rules.items()]
    output.table(("HELPED", "DID NOT", "UNDER WAY", "NOT RUN", "RULE"), rows, empty="")


def _moment(moment: str) -> str:
    return f"{moment[:10]} {moment[11:16]} UTC"
