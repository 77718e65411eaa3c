"""Who may change an object: the newest (token, step) stands in its annotations, and each write names the version it saw.

So whoever wakes late is refused by the API server itself, however late its request lands. Pure.
"""

from typing import Any

from healer.executors.target import Order, Result

Json = dict[str, Any]

TOKEN = "healer/token"  # noqa: S105 - an annotation's name, and nothing secret is in it
"""`TOKEN.STEP` of whoever may change the object now."""
INTENT = "healer/intent"
"""The intent that token belongs to."""
DONE = "healer/done"
"""The intent whose effect was the object's last one, written in the same request as the effect."""


def annotations(found: Json) -> dict[str, str]:
    said: dict[str, str] | None = found["metadata"].get("annotations")
    return said or {}


def holder(found: Json) -> tuple[int, int]:
    """The newest (token, step) that the object has seen; what is not a token counts as none."""
    token, _, step = annotations(found).get(TOKEN, "").partition(".")
    return (int(token), int(step)) if token.isdecimal() and step.isdecimal() else (-1, -1)


def stale(found: Json, order: Order) -> Result | None:
    """The refusal of an order that is not strictly newer than what the object has seen."""
    newest = holder(found)
    if (order.token, order.step) > newest:
        return None
    why = f"stale: {order.target} has seen token {newest[0]}, step {newest[1]}, and this is {order.token}, {order.step}"
    return Result("refused", why=why, started=False)


def claim(found: Json, order: Order) -> Json:
    """The patch that makes the order the object's holder, if nobody changed it meanwhile."""
    return versioned(found, {TOKEN: f"{order.token}.{order.step}", INTENT: order.intent})


def versioned(found: Json, notes: dict[str, str | None], **change: Any) -> Json:
    """A merge patch that the server refuses when the object is another version than the one that was seen."""
    return {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": notes}, **change}


def impostor(found: Json, order: Order) -> str:
    """Why the object is not the one that was meant, "" where it is: its uid, or a machine's id, was known beforehand."""
    if not order.identity or order.identity in identities(found):
        return ""
    return f"{order.target} is another object now than the one that was meant ({order.identity})"


def identities(found: Json) -> tuple[str, ...]:
    """By what an object proves who it is: its uid and, of a node, its machine-id."""
    info = (found.get("status") or {}).get("nodeInfo") or {}
    return tuple(one for one in (found["metadata"].get("uid"), info.get("machineID")) if one)
