"""How does an order get to a machine that only speaks SSH? Used by the runner of `healer.remediation`.

One session per order, over a connection that the machine's orders share (`healer.executors.ssh_connections`). The ssh
command is constant; everything that varies goes to the wrapper's stdin as data (`healer.executors.wrapped`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from healer.executors.conversation import Conversation
from healer.executors.ssh_connections import Connections
from healer.executors.ssh_settings import SshSettings
from healer.executors.target import Order
from healer.executors.wrapped import WrappedTarget
from healer.seams import Clock


class SshTarget(WrappedTarget):
    """`Target` over asyncssh."""

    def __init__(self, settings: SshSettings, clock: Clock) -> None:
        super().__init__(
            clock, go_wait_s=settings.go_wait_s, margin=settings.margin, output_limit=settings.output_limit
        )
        self._command = f"sudo -n {settings.wrapper}" if settings.sudo else settings.wrapper
        self.connections = Connections(settings)

    async def close(self) -> None:
        self.connections.close()

    @asynccontextmanager
    async def _wrapper(self, order: Order) -> AsyncIterator[Conversation]:
        async with self.connections.session(order, self._command) as process:
            yield Conversation(process.stdin, process.stdout, (asyncssh.Error, OSError))
