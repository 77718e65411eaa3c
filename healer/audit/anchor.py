"""What was the head of a chain, says who, and when? A signed statement that is kept where healer's store is not.

Written by `healer.audit.anchoring`, read by `healer.audit.verify`. Signatures are Ed25519 (RFC 8032). Each statement names the
one before it, so that one that is missing from a file shows.
"""

import hashlib

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from healer.audit.chain import Head
from healer.times import Micros

PURPOSE = b"healer audit anchor 1\n"
"""Before what is signed, so that a signature of something else is none of an anchor."""


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The head of a chain at an instant. `key` and `signature` are in hexadecimal; `previous` is the fingerprint of the anchor
    before, "" for the first."""

    installation: str
    writer: str
    place: int
    digest: str
    at: Micros
    previous: str
    key: str
    signature: str = ""

    def line(self) -> str:
        """The anchor as one line of JSON."""
        return msgspec.json.encode(self).decode()

    @property
    def fingerprint(self) -> str:
        """What the next anchor says of this one."""
        return hashlib.sha256(self.line().encode()).hexdigest()


_anchor = msgspec.json.Decoder(Anchor)


def public_key(key: Ed25519PrivateKey) -> str:
    """What signatures are checked with, in hexadecimal."""
    return key.public_key().public_bytes_raw().hex()


def anchored(head: Head, installation: str, previous: Anchor | None, now: Micros, key: Ed25519PrivateKey) -> Anchor:
    """A signed statement that this is the head now."""
    before = previous.fingerprint if previous is not None else ""
    anchor = Anchor(installation, head.writer, head.place, head.digest, now, before, public_key(key))
    return msgspec.structs.replace(anchor, signature=key.sign(_signed(anchor)).hex())


def is_signed(anchor: Anchor) -> bool:
    """Whether whoever has the private half of `anchor.key` signed this."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(anchor.key))
        key.verify(bytes.fromhex(anchor.signature), _signed(anchor))
    except (ValueError, InvalidSignature):
        return False
    return True


def read_anchor(line: str | bytes) -> Anchor:
    """An anchor out of its line. Raises ValueError."""
    try:
        return _anchor.decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(f"no anchor of healer's: {error}") from None


def _signed(anchor: Anchor) -> bytes:
    return PURPOSE + msgspec.json.encode(msgspec.structs.replace(anchor, signature=""))
