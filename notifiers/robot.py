"""What the robots of chat groups have in common: a secret address, text in, an error code inside a 200 out.

Used by `wecom`, `feishu` and `dingtalk`. What such a robot says cannot be edited, so a story that goes on needs a new
message.
"""

from collections.abc import Callable, Collection, Mapping

import aiohttp
import msgspec

from notifiers.clock import Micros
from notifiers.exchange import Reply, Request, exchange, seconds, strange, wait
from notifiers.message import Answer, Ok, Permanent, RateLimited, Reason, Told, Transient, hidden
from notifiers.secret import Secret

WHY_CHARACTERS = 200

Wall = Callable[[], Micros]
"""Microseconds since 1970, for signatures."""


class Codes(msgspec.Struct, frozen=True):
    """What a provider's error codes mean; one that is not listed is refused for good, 0 is success. `stale`: the token is known
    no more. `as_said`: a code that means another one where its text has these words."""

    provider: str
    throttled: Mapping[int, Micros]
    busy: Collection[int]
    target: Mapping[int, Reason]
    message: Collection[int]
    stale: Collection[int] = ()
    as_said: Mapping[int, tuple[str, int]] = {}


class _Said(msgspec.Struct):
    """Feishu says `code` and `msg`, the others `errcode` and `errmsg`."""

    errcode: int | None = None
    errmsg: str = ""
    code: int | None = None
    msg: str = ""


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply, codes: Codes, reference: Told) -> Answer:
    """What one answer means. The code in the body decides, whatever the status."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, codes.provider)
    code = said.errcode if said.errcode is not None else said.code
    if code is None:
        return strange(reply, codes.provider)
    why = f"{code} {said.errmsg or said.msg}"[:WHY_CHARACTERS]
    words, other = codes.as_said.get(code, ("", code))
    if words in why.lower():
        code = other
    if code == 0:
        return Ok(reference)
    if code in codes.throttled:
        asked = seconds(reply.retry_after)
        return RateLimited(wait(asked) if asked else codes.throttled[code], why=why)
    if code in codes.stale:
        return Transient(why=why, reason=Reason.UNAUTHORIZED)
    if code in codes.busy or reply.status >= 500:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if code in codes.target:
        return Permanent(why=why, reason=codes.target[code], disable=True)
    return Permanent(why=why, reason=Reason.BAD_MESSAGE if code in codes.message else Reason.REJECTED)


def code_of(reply: Reply) -> int | None:
    """The provider's own code in an answer, None where there is none."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return said.errcode if said.errcode is not None else said.code


def not_editable(provider: str) -> Permanent:
    return Permanent(why=f"a message of {provider} cannot be changed", reason=Reason.NOT_EDITABLE)


async def post(
    session: aiohttp.ClientSession,
    request: Request,
    codes: Codes,
    reference: Told,
    *,
    timeout: Micros,
    trace_id: str,
    secrets: Collection[Secret],
) -> Answer:
    """One message to a robot."""
    reply = await exchange(session, request, timeout=timeout, trace_id=trace_id)
    return hidden(interpret(reply, codes, reference), *secrets) if isinstance(reply, Reply) else reply
