"""What WeCom sends when a button of a template card is pressed, or a command is written: is it from there and for us? Pure.

The token signs, the AES key encrypts, and the company's id stands inside. Without one of them nothing is taken. Who calls it
keeps the ids of presses and commands, since WeCom repeats what it was not answered in time.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Mapping
from xml.parsers import expat

import msgspec

from notifiers.callback import IV_BYTES, NotGenuine, check_fresh, decrypted, encrypted, same
from notifiers.clock import SECOND, Micros
from notifiers.press import Press, Word
from notifiers.secret import Secret

BLOCK = 32
"""Bytes of WeCom's padding, twice what AES needs."""
RANDOM_BYTES = 16
PRESSED = "template_card_event"
MOST = 200
"""Characters of a value that are looked at."""
MOST_TEXT = 1_000
"""... and of what somebody wrote."""
MOST_XML = 64 * 1024


class Keys(msgspec.Struct, frozen=True):
    """As the application's page "receive messages" shows them; `corp_id` is the company's."""

    token: Secret
    aes_key: Secret
    corp_id: str

    @property
    def aes(self) -> bytes:
        """32 bytes. Raises NotGenuine for what is no EncodingAESKey."""
        try:
            key = base64.b64decode(self.aes_key.reveal() + "=", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32 or not self.token.reveal() or not self.corp_id:
            raise NotGenuine("the application's secrets are not set")
        return key


def challenge(query: Mapping[str, str], keys: Keys, now: Micros) -> str:
    """The bare text to answer when an address is registered: GET with `echostr`. Raises NotGenuine."""
    return _opened(query, query.get("echostr", ""), keys, now)


def read(query: Mapping[str, str], body: bytes, keys: Keys, now: Micros) -> Press | Word | None:
    """A press, a command, or None for whatever else it is. Raises NotGenuine. `now` is wall time."""
    said = _fields(_opened(query, _fields(body).get("Encrypt", ""), keys, now).encode())
    if said.get("Event") == PRESSED:
        return _press(said)
    return _word(said) if said.get("MsgType") == "text" else None


def _press(said: Mapping[str, str]) -> Press:
    """`data` is the button's key; `message_id` the card's task, and `public` the code that changes it once."""
    user, at, task, key = (said.get(name, "")[:MOST] for name in ("FromUserName", "CreateTime", "TaskId", "EventKey"))
    return Press(
        id=f"{user}:{at}:{task}:{key}",
        user=user,
        name=user,
        chat=said.get("AgentID", "")[:MOST],
        public=said.get("ResponseCode", "")[:MOST],
        message_id=task,
        data=key,
    )


def _word(said: Mapping[str, str]) -> Word | None:
    """None for whatever else people write. What was written at no time is older than anything else."""
    text, at = said.get("Content", "").strip(), said.get("CreateTime", "")
    if not text.startswith("/"):
        return None
    user = said.get("FromUserName", "")[:MOST]
    return Word(
        user=user,
        name=user,
        chat=said.get("AgentID", "")[:MOST],
        public="",
        message_id=said.get("MsgId", "")[:MOST],
        at=int(at) * SECOND if at.isascii() and at.isdecimal() and len(at) <= 12 else 0,
        text=text[:MOST_TEXT],
    )


def signature(token: str, stamp: str, nonce: str, encrypted_text: str) -> str:
    """The four, sorted and put together."""
    parts = sorted((token, stamp, nonce, encrypted_text))
    return hashlib.sha1("".join(parts).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def sealed(keys: Keys, random: bytes, text: str) -> str:
    """A text as WeCom encrypts it, `random` being 16 bytes."""
    message = text.encode()
    plain = random + struct.pack(">I", len(message)) + message + keys.corp_id.encode()
    return base64.b64encode(encrypted(keys.aes, keys.aes[:IV_BYTES], plain, BLOCK)).decode()


def _opened(query: Mapping[str, str], text: str, keys: Keys, now: Micros) -> str:
    key, stamp, nonce = keys.aes, query.get("timestamp", ""), query.get("nonce", "")
    if not same(query.get("msg_signature", ""), signature(keys.token.reveal(), stamp, nonce, text)):
        raise NotGenuine("the signature is missing or wrong")
    check_fresh(stamp, now)
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotGenuine("it cannot be decrypted") from None
    plain = decrypted(key, key[:IV_BYTES], data, BLOCK)[RANDOM_BYTES:]
    size = struct.unpack(">I", plain[:4])[0] if len(plain) >= 4 else -1
    message, receiver = plain[4 : 4 + size], plain[4 + size :]
    if size < 0 or len(message) != size or not same(receiver.decode("utf-8", "surrogateescape"), keys.corp_id):
        raise NotGenuine("it is for another company")
    return message.decode("utf-8", "replace")


def _fields(body: bytes) -> dict[str, str]:
    """The elements right below the root, with their text. Declarations of types and entities are refused. Raises NotGenuine."""
    found: dict[str, str] = {}
    path: list[str] = []

    def opens(name: str, _: object) -> None:
        path.append(name)

    def says(text: str) -> None:
        if len(path) == 2:
            found[path[-1]] = found.get(path[-1], "") + text

    def closes(_: str) -> None:
        path.pop()

    def declares(*_: object) -> None:
        raise NotGenuine("it declares a type")

    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = opens, closes, says
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = declares
    if len(body) > MOST_XML:
        raise NotGenuine(f"it has more than {MOST_XML} bytes")
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise NotGenuine("it is no XML") from None
    return found
