"""Topology from files: topology.yaml, or node-link JSON. Every mistake is named with its file and line.

Called at start, on reload and by `healer check`. Large graphs come as JSON: it is read without marks, and only when
something is wrong with it again as YAML (which JSON is), to say where.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from healer.documents.document import Document, load_document, parse_document
from healer.documents.problems import DocumentError, Problem, dotted
from healer.topology.graph import Topology
from healer.topology.node_link import Fault, Reading, Way

MAX_JSON_BYTES = 512 << 20
"""Bytes of one JSON file; a million nodes with a few attributes are about 150 MiB."""
_MAX_MARKED = 8 << 20
"""Bytes of JSON that are read a second time to find the line of a mistake; beyond it the key has to do."""
_MAX_TOLD = 1_000
"""Mistakes told at once."""


class _Read(msgspec.Struct, frozen=True):
    """A document, and for JSON its bytes, from which its marks can still be had."""

    document: Document
    raw: bytes | None = None

    def marked(self) -> Document:
        if self.raw is None or len(self.raw) > _MAX_MARKED:
            return self.document
        try:
            return parse_document(self.raw, self.document.file)
        except DocumentError:  # a few things are JSON and not YAML; then the key says where
            return self.document


def read_topology(files: Iterable[Path]) -> Topology:
    """The files together as one topology; edges may go from one file to another. Raises DocumentError."""
    reading = Reading()
    read: list[_Read] = []
    problems: list[Problem] = []
    for file in files:
        try:
            read.append(_read_json(file) if file.suffix == ".json" else _Read(load_document(file)))
        except DocumentError as error:
            problems.extend(error.problems)
            continue
        reading.add(read[-1].document.data)
    if problems:
        # Edges into a file that could not be read would all seem to go nowhere, so they are not looked at.
        raise DocumentError([*problems, *_problems(reading.faults, read)])
    return _finish(reading, read)


def parse_topology(raw: bytes, name: str) -> Topology:
    """One document from memory, JSON if `name` ends so, else YAML. Raises DocumentError."""
    read = _decode_json(raw, name) if name.endswith(".json") else _Read(parse_document(raw, name))
    reading = Reading()
    reading.add(read.document.data)
    return _finish(reading, [read])


def _finish(reading: Reading, read: Sequence[_Read]) -> Topology:
    topology = reading.finish()
    if reading.faults:
        raise DocumentError(_problems(reading.faults, read))
    return topology


def _read_json(file: Path) -> _Read:
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_JSON_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(str(file), 0, 0, "", f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_JSON_BYTES:
        raise DocumentError(
            [Problem(str(file), 0, 0, "", f"larger than {MAX_JSON_BYTES >> 20} MiB, which is the limit")]
        )
    return _decode_json(raw, str(file))


def _decode_json(raw: bytes, name: str) -> _Read:
    try:
        return _Read(Document(name, msgspec.json.decode(raw), {}, {}), raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError([Problem(name, 0, 0, "", f"not JSON: {error}")]) from None


def _problems(faults: Sequence[Fault], read: Sequence[_Read]) -> list[Problem]:
    told = faults[:_MAX_TOLD]
    concerned = {fault.document for fault in told} | {fault.first[0] for fault in told if fault.first}
    documents = {number: read[number].marked() for number in concerned}
    problems = []
    for fault in told:
        first = (
            f", first at {_place(documents[fault.first[0]], fault.first[1])}: keep one of them" if fault.first else ""
        )
        problems.append(documents[fault.document].problem(fault.way, fault.message + first))
    if len(faults) > len(told):
        file = read[faults[-1].document].document.file
        problems.append(Problem(file, 0, 0, "", f"and {len(faults) - len(told)} more mistakes"))
    return problems


def _place(document: Document, way: Way) -> str:
    line, column = document.mark(way)
    return f"{document.file}:{line}:{column}" if line else f"{document.file} at {dotted(way)}"
