"""What does the status of an answer say of what was asked for? The same for all that is called. Pure."""

from collections.abc import Sequence

from healer.documents.fields import Secret
from healer.executors.http.exchange import Reply
from healer.executors.target import Result

LATER = (409, 423, 425, 429)
"""Nothing was done, and may be another time: whoever was called knows somebody newer, is locked or busy."""
UNREAD = 408
"""The request did not arrive whole."""
ON_THE_WAY = (502, 503, 504, 520, 521, 522, 523, 524)
"""What gateways say of somebody whom they may have reached."""
WORDS = 200
"""Characters of an answer that people are told of a refusal."""


def result(reply: Reply, secrets: Sequence[Secret]) -> Result:
    """What an answer says of the call. What was answered has ended, by whatever status."""
    status, text = reply.status, hidden(reply.body.decode("utf-8", "replace"), secrets)
    output = f"{text}\n[cut after {len(reply.body)} bytes]" if reply.cut else text
    words = " ".join(text[:WORDS].split())
    why = f"it answered HTTP {status}" + (f": {words}" if words else "")
    if 200 <= status < 300:
        return Result("succeeded", exit_code=0, output=output)
    if status in LATER:
        return Result("refused", why=f"refused for now: {why}", started=False)
    if status == UNREAD:
        return Result("failed", why=why, started=False)
    if 400 <= status < 500:
        return Result("refused", why=why, started=False, lasting=True)
    if status in ON_THE_WAY:
        return Result("unknown", why=f"{why}: something on the way may have passed it on")
    if 300 <= status < 400:
        why = f"{why}: redirects are not followed, so name the address where it leads"
    return Result("failed", exit_code=status, output=output, why=why)


def hidden(text: str, secrets: Sequence[Secret]) -> str:
    """Text without secrets, which whoever was called may repeat."""
    for secret in secrets:
        text = text.replace(secret.reveal(), "***")
    return text
