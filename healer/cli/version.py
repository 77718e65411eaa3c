"""Which healer this is, and on what it runs."""

import argparse
import platform
import sqlite3
from importlib import metadata

from healer.cli.output import Output

DISTRIBUTION = "healer-oncall"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    try:
        version = metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        version = "not installed"
    about = {
        "healer": version,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
    if arguments.json:
        output.json(about)
    else:
        output.line(f"healer {version}")
        output.facts((name, value) for name, value in about.items() if name != "healer")
    return 0
