"""Callbacks of Feishu and WeCom: what is taken for a press, by the providers' own vectors, and what is not."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers import feishu_callback as feishu
from notifiers import wecom_callback as wecom
from notifiers.callback import WINDOW, NotGenuine, encrypted
from notifiers.clock import SECOND
from notifiers.press import Press, Word
from notifiers.secret import Secret

STAMP = "1700000000"
NOW = int(STAMP) * SECOND

LARK = feishu.Keys(Secret("encrypt-key"), Secret("verif-token"))
CHALLENGE = (
    "AAECAwQFBgcICQoLDA0OD4tKNvHclQbcx9jVsUxECEqlwOB58qNb4HcYibG8EvksWzcyIhIteCmY9nNVutH5M10eWZUPaC/agEZ5EEjUjf16El/usMut"
    "/+xQMbaNaB5O"
)
CLICK: dict[str, Any] = {
    "schema": "2.0",
    "header": {"event_id": "e1", "event_type": "card.action.trigger", "token": "verif-token", "app_id": "cli_1"},
    "event": {
        "operator": {"open_id": "ou_1", "user_id": "u1"},
        "token": "c-1",
        "action": {"value": {"d": "ack:1"}, "tag": "button"},
        "context": {"open_message_id": "om_1", "open_chat_id": "oc_1"},
    },
}

WECOM = wecom.Keys(Secret("wecomtoken"), Secret("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"), "wwcorp0001")
SEALED = "Q3stYC6hdFzMh9T8HCvyDH3sjH/F7z5ZD7upNXR2CUIFAh7WOz2FNpDNv+TOAZ22JvfwUkHMlaGjfxBQrkFz1w=="
CARD = (
    "<xml><ToUserName>wwcorp0001</ToUserName><FromUserName>u1</FromUserName><CreateTime>1700000000</CreateTime>"
    "<MsgType>event</MsgType><Event><![CDATA[template_card_event]]></Event><EventKey>ack:1</EventKey>"
    "<TaskId>inc-8f3a_1</TaskId><ResponseCode>RC2</ResponseCode><AgentID>1000002</AgentID>"
    "<SelectedItems><SelectedItem><Event>no</Event></SelectedItem></SelectedItems></xml>"
)


def lark(said: Any, key: str = "encrypt-key", **headers: str) -> tuple[dict[str, str], bytes]:
    """A delivery as Feishu makes it, headers and body."""
    iv = bytes(range(16))
    plain = json.dumps(said).encode() if not isinstance(said, bytes) else said
    blob = iv + encrypted(hashlib.sha256(key.encode()).digest(), iv, plain, 16)
    body = json.dumps({"encrypt": base64.b64encode(blob).decode()}).encode()
    signed = feishu.signature(STAMP, "nonce1", key, body)
    names = {"X-Lark-Request-Timestamp": STAMP, "X-Lark-Request-Nonce": "nonce1", "X-Lark-Signature": signed}
    return names | {name.replace("_", "-"): value for name, value in headers.items()}, body


def card(text: str = CARD, keys: wecom.Keys = WECOM, **query: str) -> tuple[dict[str, str], bytes]:
    """A delivery as WeCom makes it, query and body."""
    told = wecom.sealed(keys, b"0123456789abcdef", text)
    signed = wecom.signature(keys.token.reveal(), STAMP, "nonce1", told)
    body = f"<xml><ToUserName/><Encrypt><![CDATA[{told}]]></Encrypt></xml>".encode()
    return {"timestamp": STAMP, "nonce": "nonce1", "msg_signature": signed} | query, body


def test_feishus_vectors() -> None:
    """Signature over the raw body, and the text that was encrypted."""
    assert feishu.signature(STAMP, "nonce1", "encrypt-key", b'{"a":1}') == (
        "5a3f17361cd9c251eefd4b2f4d4031ecd295c58ba7cffb733b3672a4bdb22b29"
    )
    body = json.dumps({"encrypt": CHALLENGE}).encode()
    assert feishu.read({}, body, LARK, NOW) == feishu.Challenge("abc")


def test_a_press_in_feishu() -> None:
    """Who, where, and what stood on the button."""
    assert feishu.read(*lark(CLICK), LARK, NOW) == Press("e1", "ou_1", "", "oc_1", "", "om_1", "ack:1")


OTHER = {"schema": "2.0", "header": {"event_id": "e", "event_type": "im.message.receive_v1", "token": "verif-token"}}


def written(text: str, **more: Any) -> Any:
    """Somebody wrote this where the application is."""
    message = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "message_type": "text",
        "content": json.dumps({"text": text}),
        "create_time": "1700000000999",
    }
    sender = {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"}
    return OTHER | {"event": {"sender": sender, "message": message | more}}


@pytest.mark.parametrize(
    "text", ["/pause why", "@_user_1 /pause why", "@_user_1 @_user_2  /pause why ", "@_all /pause why"]
)
def test_a_command_in_feishu(text: str) -> None:
    """Who, where, when, and what, without the names that call the bot; times are whole seconds as everywhere."""
    assert feishu.read(*lark(written(text)), LARK, NOW) == Word("ou_1", "", "oc_1", "", "om_1", NOW, "/pause why")


@pytest.mark.parametrize(
    "said",
    [
        written("pause"),
        written("/pause", message_type="post"),
        written("/pause", content="no JSON"),
        written("/pause", content=json.dumps({"text": 5})),
    ],
)
def test_what_is_no_command_in_feishu(said: Any) -> None:
    """Whatever else people write is nobody's business here."""
    assert feishu.read(*lark(said), LARK, NOW) is None


@pytest.mark.parametrize("at", ["", "soon", "-1", "9" * 20])
def test_a_command_of_no_time_is_older_than_any(at: str) -> None:
    """A time that cannot be read is no reason to let repairs start again."""
    told = feishu.read(*lark(written("/resume", create_time=at)), LARK, NOW)
    assert isinstance(told, Word)
    assert told.at == 0
    xml = f"<MsgType>text</MsgType><Content>/resume</Content><CreateTime>{at}</CreateTime>"
    heard = wecom.read(*card(f"<xml>{xml}</xml>"), WECOM, NOW)
    assert isinstance(heard, Word)
    assert heard.at == 0


def test_a_command_in_wecom() -> None:
    """Who, to which application, when, and what; a text that is no command is nothing."""
    xml = (
        "<xml><ToUserName>wwcorp0001</ToUserName><FromUserName>u1</FromUserName><CreateTime>1700000000</CreateTime>"
        "<MsgType>text</MsgType><Content><![CDATA[{}]]></Content><MsgId>71</MsgId><AgentID>1000002</AgentID></xml>"
    )
    told = wecom.read(*card(xml.format(" /pause a <b> & c ")), WECOM, NOW)
    assert told == Word("u1", "u1", "1000002", "", "71", NOW, "/pause a <b> & c")
    assert wecom.read(*card(xml.format("hello")), WECOM, NOW) is None


@pytest.mark.parametrize("said", [OTHER, CLICK | {"event": {"action": {"value": 5}}}])
def test_another_event_of_feishu_is_no_press(said: Any) -> None:
    """It is genuine, and nothing of ours."""
    assert feishu.read(*lark(said), LARK, NOW) is None


FORGED = CLICK | {"header": CLICK["header"] | {"token": "another"}}
ASKED = {"type": "url_verification", "challenge": "abc", "token": "another"}


@pytest.mark.parametrize(
    ("delivery", "keys", "now"),
    [
        (lark(CLICK, X_Lark_Signature="0" * 64), LARK, NOW),
        (lark(CLICK, X_Lark_Signature=""), LARK, NOW),
        (lark(CLICK, X_Lark_Request_Nonce="nonce2"), LARK, NOW),
        (lark(CLICK, key="another"), LARK, NOW),
        (lark(CLICK), LARK, NOW + WINDOW + 1),
        (lark(CLICK), LARK, NOW - WINDOW - 1),
        (lark(CLICK), feishu.Keys(Secret(""), Secret("verif-token")), NOW),
        (lark(CLICK), feishu.Keys(Secret("encrypt-key"), Secret("")), NOW),
        (lark(FORGED), LARK, NOW),
        (lark(ASKED), LARK, NOW),
        (lark(b"["), LARK, NOW),
        ((lark(CLICK)[0], json.dumps(CLICK).encode()), LARK, NOW),
        (({}, json.dumps({**ASKED, "token": "verif-token"}).encode()), LARK, NOW),
    ],
)
def test_what_feishu_did_not_send(delivery: tuple[dict[str, str], bytes], keys: feishu.Keys, now: int) -> None:
    """Signed by another key, too old, for another application, in plain text, or with a secret missing here: refused."""
    with pytest.raises(NotGenuine):
        feishu.read(*delivery, keys, now)


def test_wecoms_vectors() -> None:
    """What was encrypted, and its signature."""
    assert wecom.sealed(WECOM, b"0123456789abcdef", "<xml><Event>x</Event></xml>") == SEALED
    assert wecom.signature("wecomtoken", STAMP, "nonce1", SEALED) == "de100b8b3008ac8d7568d061bc5b45131b0eefaa"
    query = {"timestamp": STAMP, "nonce": "nonce1", "msg_signature": "de100b8b3008ac8d7568d061bc5b45131b0eefaa"}
    assert wecom.challenge(query | {"echostr": SEALED}, WECOM, NOW) == "<xml><Event>x</Event></xml>"


def test_a_press_in_wecom() -> None:
    """Who, which card, what stood on the button, and the code by which the card is changed."""
    told = wecom.read(*card(), WECOM, NOW)
    assert told == Press("u1:1700000000:inc-8f3a_1:ack:1", "u1", "u1", "1000002", "RC2", "inc-8f3a_1", "ack:1")
    assert wecom.read(*card("<xml><Event>subscribe</Event></xml>"), WECOM, NOW) is None


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><Encrypt>&a;</Encrypt></xml>'


@pytest.mark.parametrize(
    ("delivery", "keys", "now"),
    [
        (card(msg_signature="0" * 40), WECOM, NOW),
        (card(msg_signature=""), WECOM, NOW),
        (card(nonce="nonce2"), WECOM, NOW),
        (card(), WECOM, NOW + WINDOW + 1),
        (card(keys=wecom.Keys(WECOM.token, WECOM.aes_key, "wwcorp0002")), WECOM, NOW),
        (card(keys=wecom.Keys(Secret("another"), WECOM.aes_key, WECOM.corp_id)), WECOM, NOW),
        (card(keys=wecom.Keys(WECOM.token, Secret("b" * 43), WECOM.corp_id)), WECOM, NOW),
        (card(), wecom.Keys(Secret(""), WECOM.aes_key, WECOM.corp_id), NOW),
        (card(), wecom.Keys(WECOM.token, Secret("short"), WECOM.corp_id), NOW),
        (card(), wecom.Keys(WECOM.token, WECOM.aes_key, ""), NOW),
        ((card()[0], BOMB), WECOM, NOW),
        ((card()[0], b"<xml>"), WECOM, NOW),
        ((card()[0], b"<xml><Encrypt>" + b"x" * 70_000 + b"</Encrypt></xml>"), WECOM, NOW),
        (card(BOMB.decode()), WECOM, NOW),
    ],
)
def test_what_wecom_did_not_send(delivery: tuple[dict[str, str], bytes], keys: wecom.Keys, now: int) -> None:
    """Signed by another token, too old, for another company, with entities, or with a secret missing here: refused."""
    with pytest.raises(NotGenuine):
        wecom.read(*delivery, keys, now)


@given(st.binary(max_size=200), st.text(max_size=50), st.text(max_size=50))
def test_anything_else_is_refused_and_breaks_nothing(body: bytes, one: str, other: str) -> None:
    """Whatever comes in."""
    with pytest.raises(NotGenuine):
        feishu.read({"X-Lark-Request-Timestamp": one, "X-Lark-Signature": other}, body, LARK, NOW)
    with pytest.raises(NotGenuine):
        wecom.read({"timestamp": one, "nonce": other, "msg_signature": other}, body, WECOM, NOW)
