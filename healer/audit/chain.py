"""How does an entry of the audit log hold on to the one before it? By a hash chain for each writer. Pure.

The store seals each entry in the transaction that it belongs to (`healer.store.transactions.audit`);
`healer.audit.verify` seals it once more and compares.
"""

import hashlib

import msgspec

from healer.times import Micros

START = ""
"""The digest before the first entry of a chain."""


class Entry(msgspec.Struct, frozen=True):
    """One decision, effect or act. `detail` is JSON; `place` counts from 1 in the chain of `writer`, without gaps.

    `digest` is SHA-256, in hexadecimal, of everything above it and of the entry before. `number` (the order over all
    writers) and `incident` (for whoever looks for one) say what others may rely on only because `verify` compares them.
    """

    number: int
    writer: str
    place: int
    at: Micros
    kind: str
    detail: str
    incident: str
    digest: str


class Head(msgspec.Struct, frozen=True):
    """The newest entry of a chain."""

    writer: str
    place: int
    digest: str


def seal(before: Head, at: Micros, kind: str, detail: str) -> Head:
    """The head after an entry was added to the chain."""
    place = before.place + 1
    # As a JSON array the fields cannot run into one another.
    text = msgspec.json.encode((before.digest, before.writer, place, at, kind, detail))
    return Head(before.writer, place, hashlib.sha256(text).hexdigest())


def incident_of(detail: str) -> str:
    """The incident that an entry is about, "" for none or for what is no JSON."""
    try:
        return _about.decode(detail).incident
    except msgspec.DecodeError:
        return ""


class _About(msgspec.Struct):
    incident: str = ""


_about = msgspec.json.Decoder(_About)
