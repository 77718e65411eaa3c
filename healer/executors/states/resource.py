"""The state of an object, as the executor itself put it into words when it looked: at an API server, or a BMC."""

import msgspec

from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen
from healer.executors.view import View
from healer.times import SECOND

PATIENCE = 30 * SECOND
"""A pod that was told to end is there for its grace; until then it says that it is leaving, which is proof enough."""

_decoder = msgspec.json.Decoder(View)


def preview(seen: Seen, given: Given) -> Change:  # noqa: ARG001 - part of the port
    view = _view(seen.output)
    if view is None:
        return Change(f"the look cannot be read: {seen.output[:100]}")
    return Change(view.now, view.wanted, view.verdict)


def told(seen: Seen) -> float:
    """1 where its status says that it is well, else 0."""
    return float(seen.exit_code == 0)


def took_effect(before: str, after: Seen, given: Given) -> Proof:  # noqa: ARG001 - part of the port
    """It is as it was wanted, or another mark stands where the old one stood."""
    was, now = _view(before), _view(after.output)
    if was is None or now is None:
        return Proof(None, "")
    if now.verdict == "nothing" or now.mark != was.mark:
        return Proof(True, f"{was.now}; now: {now.now}")
    return Proof(False, f"it is as it was: {now.now}") if was.mark else Proof(None, now.now)


def _view(text: str) -> View | None:
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError:
        return None
