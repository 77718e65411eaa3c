"""How does an agent carry an order out? By the wrapper beside it, in a session of its own that outlives the agent.

The wrapper is let go of at once (`setsid --fork`): whatever becomes of the agent, a run goes on to its end or its deadline, and
the next agent asks the register what came of it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from healer.agent.limits import Groups
from healer.agent.settings import AgentFile
from healer.executors.conversation import Conversation, Unreachable
from healer.executors.target import Order
from healer.executors.wrapped import WrappedTarget
from healer.executors.wrapper import OUTPUT_MAX_BYTES, slot_name
from healer.seams import Clock
from healer.times import SECOND

MARGIN = 15 * SECOND
"""Past an order's deadline until the wrapper's own word is given up, and its register is asked."""
TAIL_BYTES = 2_000
"""Of what a run has said so far, so much is shown while it goes on."""
PIPE_BYTES = 64 << 10
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class LocalTarget(WrappedTarget):
    """`Target` for the machine that this process runs on."""

    def __init__(self, settings: AgentFile, clock: Clock, groups: Groups) -> None:
        super().__init__(clock, go_wait_s=settings.go_wait_s, margin=MARGIN, output_limit=OUTPUT_MAX_BYTES)
        self._settings = settings
        self._groups = groups

    async def close(self) -> None:
        """What runs goes on."""

    def tail(self, intent: str) -> str:
        """The end of what a run said so far; "" where it said nothing, or nobody knows."""
        first = f"{intent}\n".encode()
        for file in Path(self._settings.register).glob("out.*"):
            try:
                with file.open("rb") as stream:
                    if stream.read(len(first)) != first:
                        continue
                    stream.seek(max(len(first), os.fstat(stream.fileno()).st_size - TAIL_BYTES))
                    return stream.read(TAIL_BYTES).decode("utf-8", "replace")
            except OSError:
                continue
        return ""

    @asynccontextmanager
    async def _wrapper(self, order: Order) -> AsyncIterator[Conversation]:
        said = self._settings
        if not os.access(said.allow, os.R_OK):
            raise Unreachable("refused", f"there is no {said.allow} on this machine: nothing is allowed here")
        wrapper = [said.wrapper, "--state", said.register, "--allow", said.allow]
        command = self._groups.enter(slot_name(order.target), wrapper)
        loop = asyncio.get_running_loop()
        try:
            transport, pipes = await loop.subprocess_exec(
                lambda: asyncio.subprocess.SubprocessStreamProtocol(PIPE_BYTES, loop),
                "setsid",
                "--fork",
                *command,
                stderr=asyncio.subprocess.DEVNULL,
                env=_ENVIRONMENT,
                cwd="/",
            )
        except OSError as error:
            why = f"the wrapper cannot be started: {error.strerror}; nothing was started"
            raise Unreachable("failed", why) from error
        process = asyncio.subprocess.Process(transport, pipes, loop)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Conversation(process.stdin, process.stdout)
        finally:
            # The process that was started has ended; this closes the pipes to the one that it left behind.
            await process.wait()
            transport.close()
