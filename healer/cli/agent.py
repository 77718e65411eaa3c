"""The agent: carries out on this machine what healer orders, and dials out for it. Started by systemd (deploy/agent).

healer agent --config /etc/healer/agent.yaml
healer agent --config /etc/healer/agent.yaml --enrol      become who the invitation says, and end
"""

import argparse
import asyncio
import sys
from pathlib import Path

from healer.agent import starting
from healer.agent.identity import NotEnrolled
from healer.agent.settings import AgentFile, load_agent_file
from healer.cli.failure import Failure
from healer.cli.output import Output
from healer.documents.problems import DocumentError
from healer.seams import SystemClock
from healer.telemetry.logs import configure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", required=True, help="the agent's settings (docs/agent.md)"
    )
    parser.add_argument("--enrol", action="store_true", help="only get a certificate, by the invitation")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    try:
        settings = load_agent_file(arguments.config)
        configure(sys.stderr, level=settings.log)
        if arguments.enrol:
            output.line(f"This machine is the agent {asyncio.run(_enrol(settings))}.", "green")
        else:
            asyncio.run(starting.serve(settings))
    except DocumentError as error:
        raise Failure(f"cannot start, this has to be mended first:\n{error}") from None
    except (NotEnrolled, starting.CannotStart) as error:
        raise Failure(f"cannot start: {error}") from None
    return 0


async def _enrol(settings: AgentFile) -> str:
    return (await starting.enrolled(settings, Path(settings.state), SystemClock())).name
