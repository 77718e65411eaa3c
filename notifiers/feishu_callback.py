"""What Feishu or Lark sends when a button of a card is pressed, or a command is written: is it from there, and what is it? Pure.

Both secrets of the application are needed: the encrypt key signs and encrypts, the verification token names the application.
Without one nothing is taken. Who calls it keeps the ids of presses, since a delivery within the time of its signature could come
again.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping

import msgspec

from notifiers.callback import IV_BYTES, NotGenuine, check_fresh, decrypted, same
from notifiers.clock import Micros
from notifiers.feishu_events import MOST, pressed, written
from notifiers.press import Press, Word
from notifiers.secret import Secret

BLOCK = 16


class Keys(msgspec.Struct, frozen=True):
    """As the application's page of events and callbacks shows them."""

    encrypt_key: Secret
    verification_token: Secret


class Challenge(msgspec.Struct, frozen=True):
    """Somebody registers our address: to be answered with this text as `challenge`."""

    text: str


class _Encrypted(msgspec.Struct):
    encrypt: str


class _Asked(msgspec.Struct, tag_field="type", tag="url_verification"):
    challenge: str
    token: str


class _Header(msgspec.Struct):
    event_id: str
    event_type: str
    token: str


class _Delivery(msgspec.Struct):
    header: _Header
    event: msgspec.Raw = msgspec.Raw(b"null")


_encrypted = msgspec.json.Decoder(_Encrypted)
_asked = msgspec.json.Decoder(_Asked)
_delivery = msgspec.json.Decoder(_Delivery)


def read(headers: Mapping[str, str], body: bytes, keys: Keys, now: Micros) -> Press | Word | Challenge | None:
    """A press, a command, the question when an address is registered, or None for another event. Raises NotGenuine. `now` is
    wall time."""
    if not keys.encrypt_key.reveal() or not keys.verification_token.reveal():
        raise NotGenuine("the application's secrets are not set")
    plain = _opened(body, keys)
    if (asked := _question(plain)) is not None:
        # The one delivery that carries no signature: it can only make us repeat a text to whoever knows the token.
        if not same(asked.token, keys.verification_token.reveal()):
            raise NotGenuine("the verification token is another one")
        return Challenge(asked.challenge[:MOST])
    _check_signature(headers, body, keys, now)
    return _meant(plain, keys)


def signature(stamp: str, nonce: str, key: str, body: bytes) -> str:
    """Of a body as it was received."""
    return hashlib.sha256(f"{stamp}{nonce}{key}".encode("utf-8", "surrogateescape") + body).hexdigest()


def _check_signature(headers: Mapping[str, str], body: bytes, keys: Keys, now: Micros) -> None:
    stamp, nonce = headers.get("X-Lark-Request-Timestamp", ""), headers.get("X-Lark-Request-Nonce", "")
    wanted = signature(stamp, nonce, keys.encrypt_key.reveal(), body)
    if not same(headers.get("X-Lark-Signature", ""), wanted):
        raise NotGenuine("the signature is missing or wrong")
    check_fresh(stamp, now)


def _opened(body: bytes, keys: Keys) -> bytes:
    try:
        blob = base64.b64decode(_encrypted.decode(body).encrypt, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
        raise NotGenuine("it is not encrypted") from None
    key = hashlib.sha256(keys.encrypt_key.reveal().encode()).digest()
    return decrypted(key, blob[:IV_BYTES], blob[IV_BYTES:], BLOCK)


def _question(plain: bytes) -> _Asked | None:
    try:
        return _asked.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _meant(plain: bytes, keys: Keys) -> Press | Word | None:
    try:
        delivery = _delivery.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotGenuine("it cannot be read") from None
    header, event = delivery.header, bytes(delivery.event)
    if not same(header.token, keys.verification_token.reveal()):
        raise NotGenuine("the verification token is another one")
    match header.event_type:
        case "card.action.trigger":
            return pressed(header.event_id, event)
        case "im.message.receive_v1":
            return written(event)
    return None
