"""Liveness: once nothing is broken and no fault is injected, everything comes to its end."""

from healer.assembly import Healer
from healer.remediation.model import UNDER_WAY
from healer.store.inline import Memory
from healer.store.transactions import intents, ledger, remediations
from tests.simulation.alerting import Alerting
from tests.simulation.chat import Chat


def unfinished(memory: Memory, healer: Healer | None, alerting: Alerting, chat: Chat) -> str:
    """What is not over yet, in words; "" when all is."""
    if healer is None:
        return "nobody serves"
    owed = [group for group, owes in alerting.owed.items() if owes]
    if alerting.firing() or owed:
        return f"alerts fire, or their end is not acknowledged: {', '.join(owed)}"
    fold = healer.owner.fold
    if fold.engine.firing:
        return f"{fold.engine.firing} alerts fire in the engine"
    if still := [f"{one.id} of {one.root.labels!r}" for one in fold.incidents() if one.status == "open"]:
        return f"incidents are open: {', '.join(still)}"
    if unsettled := intents.unsettled(memory.connection):
        return f"intents are unsettled: {', '.join(one.id for one in unsettled)}"
    if going := [one for one in remediations.newest(memory.connection, "", 1_000) if one.state in UNDER_WAY]:
        return f"remediations are under way: {', '.join(f'{one.id} is {one.state}' for one in going)}"
    for row in ledger.rows(memory.connection, "", "", 1_000):
        if row.state != "told":
            return f"of incident {row.incident} people are not told: it is {row.state} ({row.why})"
    return _untold_end(memory, chat)


def _untold_end(memory: Memory, chat: Chat) -> str:
    """The last word that people read about each incident is that it is over."""
    for row in ledger.rows(memory.connection, "", "", 1_000):
        text = chat.texts.get(row.message_id.rpartition("/")[2], "")
        if " over]" not in text and " healed]" not in text and " merged" not in text and "part of incident" not in text:
            return f"the last that people read of incident {row.incident} is {text.splitlines()[:1]}"
    return ""
