"""A stand-in for PagerDuty's Events API v2: it checks what the documentation says of each field, and keeps alerts by their key.

Source: PagerDuty/developer-docs, docs/events-API-v2/01-Overview.md.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from tests.standins.provider import Fault, Provider

MOST_BYTES = 512 * 1024


class PagerdutyStandin(Provider):
    """One integration. `texts` are the alerts, each as its newest event says; `actions` what each event asked for."""

    def __init__(self, routing_key: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.routing_key = routing_key
        self.actions: list[str] = []
        self._alerts: dict[str, int] = {}

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if fault is Fault.TOO_MANY:
            return web.json_response({"status": "throttle exceeded", "message": "Too many requests"}, status=429)
        if request.path != "/v2/enqueue" or len(body) > MOST_BYTES:
            return web.json_response({"status": "not found"}, status=404)
        event: dict[str, Any] = json.loads(body)
        errors = _errors(event)
        if event.get("routing_key") != self.routing_key:
            errors = ["Invalid routing key"]
        if errors:
            said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(said, status=400)
        self._take(event["dedup_key"], event["event_action"], event["payload"])
        said = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
        return web.json_response(said, status=202)

    def _take(self, key: str, action: str, payload: Mapping[str, Any]) -> None:
        self.actions.append(action)
        text = "\n".join((payload["summary"], *payload["custom_details"]["story"].split("\n")))
        text = text.removesuffix("\n") if not payload["custom_details"]["story"] else text
        if key in self._alerts:
            self.texts[self._alerts[key]] = text
        elif action == "trigger":
            self._alerts[key] = len(self.texts)
            self.texts.append(text)


def _errors(event: Mapping[str, Any]) -> list[str]:
    payload = event.get("payload", {})
    checks = {
        "'event_action' is missing or invalid": event.get("event_action") in ("trigger", "acknowledge", "resolve"),
        "Length of 'dedup_key' is too long": 0 < len(event.get("dedup_key", "")) <= 255,
        "'payload.summary' is missing or blank": 0 < len(payload.get("summary", "")) <= 1024,
        "'payload.source' is missing or blank": bool(payload.get("source")),
        "'payload.severity' is invalid": payload.get("severity") in ("critical", "error", "warning", "info"),
        "'links' is invalid": all("href" in link for link in event.get("links", [])),
    }
    return [error for error, fine in checks.items() if not fine]
