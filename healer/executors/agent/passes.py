"""Is this token ours, still good, and this agent's? Signed with a key that never leaves healer. Called by the agents' door."""

import base64
import binascii
import hashlib
import hmac

import msgspec

from healer.executors.agent.wire import TOKEN_LIFE
from healer.times import Micros


class NoPass(Exception):
    """Why a token opens nothing: `reason` is a metric's label."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    """Who (the fingerprint of the certificate), and until when."""

    name: str
    fingerprint: str
    until: Micros


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Claim).decode


class Passes:
    """Makes tokens and knows them again; those of all replicas that share the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, name: str, fingerprint: str, now: Micros) -> str:
        """A token for whoever shows this certificate, for five minutes."""
        claim = _encode(_Claim(name, fingerprint, now + TOKEN_LIFE))
        return f"{_text(claim)}.{_text(self._seal(claim))}"

    def check(self, token: str, name: str, fingerprint: str, now: Micros) -> Micros:
        """Until when it is good. Raises NoPass."""
        said, _, seal = token.partition(".")
        try:
            claim = _bytes(said)
            sealed = hmac.compare_digest(self._seal(claim), _bytes(seal))
        except (binascii.Error, ValueError):
            sealed = False
        if not sealed:
            raise NoPass("bad token", "it is no token of this healer")
        known = _decode(claim)
        if (known.name, known.fingerprint) != (name, fingerprint):
            raise NoPass("foreign token", f"it is a token of {known.name}, with another certificate")
        if known.until <= now:
            raise NoPass("expired token", "its token has expired")
        return known.until

    def _seal(self, claim: bytes) -> bytes:
        return hmac.digest(self._key, claim, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
