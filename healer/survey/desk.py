"""What people ask of the topology and say to it: the whole graph, how its sources stand, a graph of their own, a word that
an answer is right. Called by the API.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import msgspec

from healer.survey.apart import Apart
from healer.survey.gathering import Answers, Gathering
from healer.survey.provenance import node_link
from healer.survey.publishing import Publishing
from healer.survey.standing import Standing
from healer.survey.work import NOTHING
from healer.times import Micros, format_rfc3339
from healer.topology.merging import Conflict
from healer.topology.node_link import Fault

PIECE = 256 << 10
"""Bytes of a piece of the graph, about: made off the event loop, then sent."""


class Unwanted(Exception):
    """A graph that cannot be read. `faults` say where."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("the graph cannot be read")
        self.faults = faults


class SourceView(msgspec.Struct, frozen=True):
    """How one source stands. `state` is `good`, `waiting` (never heard), `failing` or `refused`, `why` says more."""

    name: str
    kind: str
    state: str
    why: str
    nodes: int
    edges: int
    confirmed_at: Micros
    failing_since: Micros


class Desk:
    """Serves the API."""

    def __init__(self, gathering: Gathering, publishing: Publishing, store: Answers, apart: Apart) -> None:
        self._gathering = gathering
        self._publishing = publishing
        self._store = store
        self._apart = apart

    def sources(self) -> list[SourceView]:
        """All sources, the one that is believed first at first; what was put only when something was."""
        standings = self._gathering.standings.values()
        return [_view(one) for one in standings if one.kind != "put" or one.answer is not None or one.refused]

    def conflicts(self) -> tuple[Sequence[Conflict], int]:
        """Where sources disagree, the first of them, and how many there are."""
        union = self._publishing.union
        return (union.disagreements, union.conflicts) if union is not None else ((), 0)

    async def whole(self) -> Sequence[bytes]:
        """The graph by which the engine decides as node-link JSON, in pieces, each node and edge with its sources."""
        answers = self._gathering.answers()
        about = {"sources": {view.name: _about(view) for view in self.sources()}}
        union = self._publishing.union
        graph = union.data if union is not None else NOTHING
        return await self._store.aside(partial(_whole, graph, answers, about))

    async def put(self, body: bytes, *, force: bool = False) -> SourceView:
        """A graph in the place of the one put before; its state is `refused` when it is not believed. Raises Unwanted,
        StoreUnavailable."""
        read = await self._apart.read(body)
        if not isinstance(read, bytes):
            raise Unwanted(read)
        await self._gathering.put(read, force=force)
        return _view(self._gathering.standings["put"])

    async def accept(self, name: str) -> SourceView | None:
        """A person says that what a source said last is right; None when nothing of it is refused. Raises KeyError."""
        return _view(self._gathering.standings[name]) if await self._gathering.accept(name) else None


def _view(one: Standing) -> SourceView:
    state, why = "good", ""
    if one.refusal is not None:
        state, why = "refused", one.refusal.why
    elif one.failing_since:
        state, why = "failing", one.why
    elif not one.heard:
        state = "waiting"
    at = one.answer.at if one.answer is not None else 0
    return SourceView(one.name, one.kind, state, why, one.nodes, one.edges, at, one.failing_since)


def _about(view: SourceView) -> dict[str, Any]:
    confirmed = format_rfc3339(view.confirmed_at) if view.confirmed_at else ""
    return {"kind": view.kind, "confirmed_at": confirmed, "state": view.state, "why": view.why}


def _whole(graph: bytes, answers: Sequence[Any], about: dict[str, Any]) -> list[bytes]:
    return list(_joined(node_link(graph, answers, about)))


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
