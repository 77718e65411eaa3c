"""Run the service until SIGTERM or Ctrl-C. Without --config: embedded, on 127.0.0.1:9099, data in ./data.

healer serve --config /etc/healer/healer.yaml
"""

import argparse
from pathlib import Path

import uvloop

from healer import bootstrap
from healer.cli.failure import Failure
from healer.cli.invocation import typed
from healer.cli.output import Output
from healer.documents.problems import DocumentError
from healer.settings import Settings, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration (docs/configuration.md)")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    try:
        settings = load_settings(arguments.config)

        def announce(url: str) -> None:
            for line in greeting(settings, url, typed()):
                output.line(line)

        return uvloop.run(bootstrap.serve(settings, announce, arguments.config))
    except DocumentError as error:
        raise Failure(f"cannot start, this has to be mended first (`healer check` says it all):\n{error}") from None
    except bootstrap.CannotStart as error:
        raise Failure(f"cannot start: {error}") from None


def greeting(settings: Settings, url: str, healer: str) -> list[str]:
    """Where healer listens, what it will and will not do, and what to type next; `healer` is the command's name."""
    acts = settings.place != "shadow" and not settings.rules.dry_run
    means = "it repairs what its rules allow" if acts else "it repairs nothing, it only says what it would do"
    lines = [f"healer listens on {url}", f"place: {settings.place}; {means}.", "Next, in another terminal:"]
    where = "" if url == "http://127.0.0.1:9099" else f" --url {url}"
    if not settings.prometheus and not settings.alertmanager.urls:
        lines.append(f"  {healer} storm{where}             hundreds of alerts become one incident, here")
    lines.append(f"  {healer} incidents list{where}    what is going on")
    lines.append(f"  {healer} doctor{where}            what this installation still lacks")
    return [*lines, "Ctrl-C stops it.", ""]
