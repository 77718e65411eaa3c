"""A stand-in for Slack's chat.postMessage and chat.update: HTTP 200 with `ok` in it, ids by time, one message a second.

Source: docs.slack.dev, chat.postMessage, chat.update, rich_text block and rate limits.
"""

import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.standins.provider import Bucket, Fault, Provider

PIECES = {"text": {"type", "text", "style"}, "link": {"type", "text", "url", "style"}}
UNESCAPED = str.maketrans({"<": None, ">": None})


class SlackStandin(Provider):
    """One bot in one channel."""

    def __init__(self, token: str, channel: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.token = token
        self.channel = channel
        self.archived = False
        self.posted: list[str] = []
        """Each message as it was when it was new."""
        self._ids: list[str] = []
        self._bucket = Bucket(1, 1)

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if fault is Fault.TOO_MANY or self.overrun(self._bucket.wait(self.clock()) > 0):
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"})
        self._bucket.left -= 1
        return web.json_response(self._judge(request, body))

    def _judge(self, request: web.Request, body: bytes) -> dict[str, Any]:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if request.content_type != "application/json":
            return {"ok": False, "error": "invalid_post_type"}
        message: dict[str, Any] = json.loads(body)
        if message.get("channel") != self.channel:
            return {"ok": False, "error": "channel_not_found"}
        if self.archived:
            return {"ok": False, "error": "is_archived"}
        text = _read(message.get("blocks", []))
        if text is None or not message.get("text") or message["text"] != message["text"].translate(UNESCAPED):
            return {"ok": False, "error": "invalid_blocks"}
        if len(text) > 4000:
            return {"ok": False, "error": "msg_too_long"}
        if request.path == "/api/chat.postMessage":
            self._ids.append(f"17000000{len(self._ids):02}.000100")
            self.texts.append(text)
            self.posted.append(text)
            return {"ok": True, "channel": self.channel, "ts": self._ids[-1]}
        if request.path != "/api/chat.update" or message.get("ts") not in self._ids:
            return {"ok": False, "error": "message_not_found"}
        self.texts[self._ids.index(message["ts"])] = text
        return {"ok": True, "channel": self.channel, "ts": message["ts"]}


def _read(blocks: list[dict[str, Any]]) -> str | None:
    """What people see of one rich_text block; None for what Slack would refuse."""
    if len(blocks) != 1 or blocks[0]["type"] != "rich_text":
        return None
    shown = []
    for section in blocks[0]["elements"]:
        for piece in section["elements"]:
            if set(piece) - PIECES.get(piece["type"], set()) or not piece["text"]:
                return None
            shown.append(piece["text"])
    return "".join(shown)
