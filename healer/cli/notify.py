"""A message to see that a channel works, before the night in which it has to, and what would stand in it.

healer notify test CHANNEL --config FILE     sends it, by the configuration, without a running healer
healer notify test --all --config FILE       ... to every channel
healer notify preview INCIDENT --channel X   what its readers would read of an incident under way; nobody is told
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TextIO

import msgspec

from healer.bootstrap.trying import Tried, tell
from healer.cli import connection
from healer.cli.connection import part
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import read_settings
from healer.cli.words import counted
from healer.settings.model import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="test|preview")
    test = ways.add_parser("test", help="send a message that says that it is a test")
    test.add_argument("channel", metavar="CHANNEL", nargs="?", default="", help="the channel's name")
    test.add_argument("--all", action="store_true", help="every channel")
    test.add_argument("--config", type=Path, metavar="FILE", required=True, help="the configuration of healer")
    test.add_argument("--json", action="store_true", help="JSON instead of text")
    preview = ways.add_parser("preview", help="show what a channel's readers would read of an incident under way")
    preview.add_argument("incident", metavar="INCIDENT", help="the incident's id")
    preview.add_argument("--channel", metavar="X", required=True, help="the channel's name")
    connection.add_arguments(preview)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.way == "preview":
        return _preview(arguments, output)
    if arguments.all == bool(arguments.channel):
        raise Failure("name a channel, or --all", CALLED_WRONG)
    settings = read_settings(arguments.config)
    if settings is None:
        raise Failure(
            f"{arguments.config} cannot be used: healer check --config {arguments.config} says why", FOUND_WRONG
        )
    wanted = list(settings.channels) if arguments.all else [arguments.channel]
    if arguments.channel not in ("", *settings.channels):
        known = ", ".join(settings.channels) or "none"
        raise Failure(f"no channel is called {arguments.channel!r}; channels: {known}", FOUND_WRONG)
    tried = asyncio.run(_told(settings, wanted, sys.stderr if arguments.json else sys.stdout))
    if arguments.json:
        output.json({"items": [msgspec.to_builtins(one) for one in tried]})
    else:
        rows = [(one.channel, "reached" if one.reached else "not reached", one.why or one.reason) for one in tried]
        output.table(("CHANNEL", "STATE", "WHY"), rows, empty="the configuration has no channels")
        if failed := [one.channel for one in tried if not one.reached]:
            output.aside(f"{counted(len(failed), 'channel')} would have told nobody: {', '.join(failed)}")
    return 0 if all(one.reached for one in tried) else FOUND_WRONG


def _preview(arguments: argparse.Namespace, output: Output) -> int:
    link = connection.connect(arguments, output)
    found = link.get(f"/api/v1/notifications/{part(arguments.incident)}/{part(arguments.channel)}/preview")
    if arguments.json:
        output.json(found)
    else:
        for text in found["text"].split("\n"):
            output.line(text)
    return 0


async def _told(settings: Settings, channels: list[str], stream: TextIO) -> list[Tried]:
    return [await tell(settings, channel, stream) for channel in channels]
