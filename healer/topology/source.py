"""What a source of the topology is, to those who ask it: `healer.survey` asks, `healer.topology.sources` answers. Pure."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from healer.times import Micros
from healer.topology.graph import Topology
from healer.topology.node_link import Fault

T = TypeVar("T")


class Aside(Protocol):
    """Runs work that takes long off the event loop."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]: ...


Read = Callable[[bytes], Awaitable[bytes | Sequence[Fault]]]
"""Reads node-link JSON where it holds nobody up: `Topology.encode()` of it, or what is wrong. Raises Unreadable."""


class Unreadable(Exception):
    """The source did not answer, or not in a way that can be understood. What it said last stays."""


class Source(Protocol):
    """The port: one place the topology comes from."""

    @property
    def name(self) -> str: ...

    @property
    def every(self) -> Micros:
        """Between two looks."""
        ...

    async def look(self) -> Topology | bytes | None:
        """The whole graph as this source knows it now, or `Topology.encode()` of it; None when it is as it was at the last
        look. May wait for a change, but no longer than a minute. Raises Unreadable."""
        ...
