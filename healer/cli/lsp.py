"""A language server for rule files: mistakes while one types, completion, and what a word means. Started by an editor.

healer lsp                         speaks the Language Server Protocol on stdin and stdout
healer lsp --config healer.yaml    with the kinds of node, channels and calendars of this configuration

How editors are told to start it: docs/editors.md.
"""

import argparse
import sys
from pathlib import Path

from healer.cli.lsp_server import Surroundings, serve
from healer.cli.output import Output
from healer.cli.rule_files import kinds_in, read_settings
from healer.settings.permitted import permissions
from rules import pack_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="check against what this configuration has")
    parser.add_argument("--stdio", action="store_true", help="accepted for editors that say so; there is no other way")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    del output  # stdout belongs to the protocol
    settings = read_settings(arguments.config)
    surroundings = Surroundings()
    if settings is not None:
        surroundings = Surroundings(
            kinds=kinds_in(settings),
            channels=settings.recipients,
            calendars=tuple(settings.calendars),
            permissions=tuple(permissions(settings)),
            packs=tuple(name for name in settings.rules.packs if name in pack_names()),
            paths=tuple(rule.path for rule in settings.rules.paths),
        )
    return serve(sys.stdin.buffer, sys.stdout.buffer, surroundings)
