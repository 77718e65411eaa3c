"""What has to be asked before a condition can be decided, and what do the answers say? Used by `rules.looking` and above.

Four are asked: Prometheus, by a query; whoever keeps the alert itself, by a name of the language; a URL, by GET; and a
node, by a command that changes nothing.
"""

import math
import re
from hashlib import blake2b
from typing import Final

from rules.facts import Answer, Facts, Look, Query
from rules.seen import Seen
from rules.units import SECOND, Type, format_value

URL: Final = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[!-~]{0,2000})?")
"""What may be asked: a host by its name or address, and a path. No user, and nothing that is not printed."""
WORD: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}")
"""What an attribute of a node may put into a URL."""
_IN_SECONDS: Final = frozenset({Type.DURATION, Type.TIMESTAMP})


def query_key(text: str) -> str:
    """The key of a query's answer: a hash of its finished text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def ask_prometheus(text: str, kind: Type, label: str, facts: Facts) -> Seen:
    """The answer to a finished query, in the unit of its kind; what to ask where there is none yet."""
    query = Query(query_key(text), text)
    answer = facts.answers.get(query.key)
    if answer is None:
        return Seen(None, why=(f"{label} has not been asked yet",), needs=(query,))
    value, why = _accept(answer, facts)
    if value is not None and kind in _IN_SECONDS:
        value = value * SECOND if math.isfinite(value * SECOND) else None
        why = "the answer is beyond all times"
    if value is None:
        return Seen(None, why=(f"{label} is unknown: {why}",))
    return Seen(value, why=(f"{label} is {format_value(kind, value)}",))


def ask_http(text: str, label: str, facts: Facts) -> Seen:
    """The status that a URL answers with. A node's attribute in it must not turn it into another URL."""
    if not URL.fullmatch(text):
        return Seen(None, why=(f"{label} cannot be asked: this is no URL",))
    query = Query(query_key(f"http\0{text}"), text, "http")
    answer = facts.answers.get(query.key)
    if answer is None:
        return Seen(None, why=(f"{label} has not been asked yet",), needs=(query,))
    value, why = _accept(answer, facts)
    if value is None:
        return Seen(None, why=(f"{label} is unknown: {why}",))
    return Seen(value, why=(f"{label} is {format_value(Type.NUMBER, value)}",))


def ask_node(text: str, kind: Type, look: Look, facts: Facts) -> Seen:
    """What a look at a node brings: a state in words, or a number in the unit of its kind."""
    query = Query(query_key("\0".join(("node", *look.argv, look.executor, look.shows, look.node))), text, "node", look)
    answer = facts.answers.get(query.key)
    if answer is None:
        return Seen(None, why=(f"{text} has not been asked yet",), needs=(query,))
    if kind is not Type.STRING:
        value, why = _accept(answer, facts)
        value = value * SECOND if value is not None and kind in _IN_SECONDS else value
        if value is None:
            return Seen(None, why=(f"{text} is unknown: {why}",))
        words = f" ({answer.text})" if answer.text and look.shows in ("", "object") else ""
        return Seen(value, why=(f"{text} is {format_value(kind, value)}{words}",))
    said, why = answer.text, answer.why_unknown or "no data"
    if said is not None and _is_older(answer, facts):
        said, why = None, "it was seen before the effect had ended"
    if said is None:
        return Seen(None, why=(f"{text} is unknown: {why}",))
    return Seen(said, why=(f"{text} is {format_value(kind, said)}",))


def ask_alert(path: str, kind: Type, facts: Facts) -> Seen:
    """What the alert says beside its labels: `value`, `annotations.X`."""
    query = Query(query_key(f"alert\0{path}"), path, "alert")
    answer = facts.answers.get(query.key)
    if answer is None:
        return Seen(None, why=(f"{path} has not been asked yet",), needs=(query,))
    if kind is Type.STRING:
        said: str | float | None = answer.text
    else:
        said = answer.value if answer.value is not None and math.isfinite(answer.value) else None
    return Seen(said, why=() if said is not None else (f"{path} is unknown: {answer.why_unknown or 'nobody said'}",))


def _accept(answer: Answer, facts: Facts) -> tuple[float | None, str]:
    if answer.value is None:
        return None, answer.why_unknown or "no data"
    if not math.isfinite(answer.value):
        return None, f"the answer is {answer.value}"
    if _is_older(answer, facts):
        return None, "the sample is not later than the effect"
    return answer.value, ""


def _is_older(answer: Answer, facts: Facts) -> bool:
    return facts.samples_after is not None and (answer.sampled_at is None or answer.sampled_at <= facts.samples_after)
