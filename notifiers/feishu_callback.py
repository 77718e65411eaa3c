"""What Feishu or Lark sends when a button of a card is pressed: is it from there, and what was pressed? Pure.

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
from notifiers.press import Press
from notifiers.secret import Secret

BLOCK = 16
PRESSED = "card.action.trigger"
MOST = 200
"""Characters of a value that are looked at."""


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


class _Operator(msgspec.Struct):
    open_id: str


class _Action(msgspec.Struct):
    value: dict[str, str] = {}


class _Context(msgspec.Struct):
    open_message_id: str
    open_chat_id: str


class _Event(msgspec.Struct):
    operator: _Operator
    action: _Action
    context: _Context


class _Delivery(msgspec.Struct):
    schema: str
    header: _Header
    event: _Event


class _Kind(msgspec.Struct):
    header: _Header


def read(headers: Mapping[str, str], body: bytes, keys: Keys, now: Micros) -> Press | Challenge | None:
    """A press, the question when an address is registered, or None for another event. Raises NotGenuine.

    `data` of the press is what stands under `d` in the button's value. `now` is wall time.
    """
    if not keys.encrypt_key.reveal() or not keys.verification_token.reveal():
        raise NotGenuine("the application's secrets are not set")
    plain = _opened(body, keys)
    if (asked := _question(plain)) is not None:
        # The one delivery that carries no signature: it can only make us repeat a text to whoever knows the token.
        if not same(asked.token, keys.verification_token.reveal()):
            raise NotGenuine("the verification token is another one")
        return Challenge(asked.challenge[:MOST])
    _check_signature(headers, body, keys, now)
    return _pressed(plain, keys)


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
        blob = base64.b64decode(msgspec.json.decode(body, type=_Encrypted).encrypt, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error, ValueError):
        raise NotGenuine("it is not encrypted") from None
    key = hashlib.sha256(keys.encrypt_key.reveal().encode()).digest()
    return decrypted(key, blob[:IV_BYTES], blob[IV_BYTES:], BLOCK)


def _question(plain: bytes) -> _Asked | None:
    try:
        return msgspec.json.decode(plain, type=_Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _pressed(plain: bytes, keys: Keys) -> Press | None:
    try:
        header = msgspec.json.decode(plain, type=_Kind).header
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotGenuine("it cannot be read") from None
    if not same(header.token, keys.verification_token.reveal()):
        raise NotGenuine("the verification token is another one")
    if header.event_type != PRESSED:
        return None
    try:
        event = msgspec.json.decode(plain, type=_Delivery).event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Press(
        id=header.event_id[:MOST],
        user=event.operator.open_id[:MOST],
        name="",
        chat=event.context.open_chat_id[:MOST],
        public="",
        message_id=event.context.open_message_id[:MOST],
        data=event.action.value.get("d", "")[:MOST],
    )
