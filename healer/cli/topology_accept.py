"""`healer topology accept SOURCE`: what this source says is right, although much of what it said before is gone."""

import argparse

from healer.cli import connection
from healer.cli.output import Output
from healer.cli.words import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="its name, as `healer topology show` has it")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    link = connection.connect(arguments, output)
    answer = link.post(f"/api/v1/topology/sources/{arguments.source}/accept", {})
    if arguments.json:
        output.json(answer)
    else:
        size = f"{counted(answer['nodes'], 'node')}, {counted(answer['edges'], 'edge')}"
        output.line(f"{answer['name']} is believed: {size}")
    return 0
