"""Calls over real HTTP: where they may lead, when they begin, and what is known when the answer stays away."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from healer.documents.fields import Secret
from healer.executors.http.settings import HttpSettings, Webhook
from healer.executors.http.target import HttpTarget
from healer.executors.target import Order
from healer.executors.typed import written
from healer.seams import SystemClock
from healer.times import MINUTE, SECOND
from tests.standins.authority import Authority, OverTls
from tests.standins.called import Called
from tests.standins.provider import Fault

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CLOCK = SystemClock()


async def go() -> bool:
    return True


async def no_go() -> bool:
    return False


async def never() -> bool:
    raise AssertionError("go was asked for")


@pytest.fixture
async def called() -> AsyncIterator[Called]:
    async with Called(SECRET) as found:
        yield found


def reaching(url: str, *allow: str) -> HttpTarget:
    """The executor, with one webhook named `shift`."""
    one = Webhook(url=Secret(url), secret=Secret(SECRET))
    return HttpTarget(HttpSettings(allow=allow, webhooks={"shift": one}), CLOCK)


def order(intent: str = "i.0.0", *, webhook: str = "shift", deadline_s: int = 5, over: bool = False) -> Order:
    ends_by = CLOCK.now() + (-SECOND if over else MINUTE)
    argv = written("call_webhook", [("webhook", webhook)])
    return Order(intent, 0, 1, "region/eu-1", "", argv, deadline_s, ends_by=ends_by)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_private_address(called: Called, host: str) -> None:
    """An address that is not public is never connected to, whichever name leads there, and go is not asked for."""
    target = reaching(called.url.replace("127.0.0.1", host) + "/succeed")
    result = await target.run(order(), never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "executors.http.allow" in result.why
    assert called.requests == []


async def test_allowed_by_name(called: Called) -> None:
    """What the settings allow is called by its name as well."""
    target = reaching(called.url.replace("127.0.0.1", "localhost") + "/succeed", "127.0.0.0/8", "::1")
    assert (await target.run(order(), go)).outcome == "succeeded"


async def test_redirect(called: Called) -> None:
    """A redirect leads nowhere: whoever is called cannot send healer, or what it signed, elsewhere."""
    async with Called(SECRET) as elsewhere:
        for status in (302, 307):
            moved = {"Location": f"{elsewhere.url}/succeed"}
            called.answers["/succeed"] = partial(web.Response, status=status, headers=moved)
            result = await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(), go)
            assert (result.outcome, result.started) == ("failed", True)
        assert elsewhere.requests == []


async def test_nothing_before_go(called: Called) -> None:
    """Until go is said the connection stands and not a byte has been sent; without it none ever is."""
    seen: list[int] = []

    async def look_then_no() -> bool:
        seen.append(len(called.requests))
        return False

    result = await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(), look_then_no)
    assert (result.outcome, result.started) == ("refused", False)
    assert seen == [0]
    assert called.requests == []


async def test_go_too_late(called: Called) -> None:
    """Whoever slept past the deadline sends nothing any more: somebody else may act by then."""
    result = await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(over=True), go)
    assert (result.outcome, result.started) == ("refused", False)
    assert called.requests == []


async def test_go_that_times_out(called: Called) -> None:
    """An error of go's own comes out as it is, also where the client has one of the same kind."""

    async def late() -> bool:
        raise TimeoutError("the store")

    with pytest.raises(TimeoutError, match="the store"):
        await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(), late)
    assert called.requests == []


@pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SLOW, Fault.GATEWAY_TIMEOUT])
async def test_lost_answer(called: Called, fault: Fault) -> None:
    """A call without an answer is unknown while it may be under way, and then a failure that nobody can tell more of; it
    is never sent again."""
    target = reaching(f"{called.url}/succeed", "127.0.0.1")
    called.faults.append(fault)
    assert (await target.run(order(deadline_s=1 if fault is Fault.SLOW else 5), go)).outcome == "unknown"
    assert (await target.probe(order())).outcome == "unknown"
    after = await target.probe(order(over=True))
    assert (after.outcome, after.started) == ("failed", True)
    assert len(called.effects) <= 1


async def test_another_process(called: Called) -> None:
    """Whoever adopts an intent of a process that died knows nothing of it, and waits out its deadline."""
    adopter = reaching(f"{called.url}/succeed", "127.0.0.1")
    assert (await adopter.probe(order())).outcome == "unknown"
    assert (await adopter.probe(order(over=True))).outcome == "failed"


async def test_cancelled_after_go(called: Called) -> None:
    """A call that is cancelled after go may have had its effect: nobody says otherwise."""
    target = reaching(f"{called.url}/succeed", "127.0.0.1")
    called.faults.append(Fault.SLOW)
    run = asyncio.ensure_future(target.run(order(deadline_s=30), go))
    async with asyncio.timeout(10):
        while not called.effects:
            await asyncio.sleep(0.02)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (await target.probe(order())).outcome == "unknown"


async def test_nobody_listens() -> None:
    """A receiver that is not there was not called, and the rule's `retry` may try it again."""
    result = await reaching("http://127.0.0.1:1/hook?key=k3y", "127.0.0.1").run(order(), never)
    assert (result.outcome, result.started, result.lasting) == ("failed", False, False)
    assert "k3y" not in result.why


async def test_other_secret(called: Called) -> None:
    """A receiver whose secret is another one refuses, and nothing happens."""
    called.secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    result = await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert called.effects == []


async def test_known_again(called: Called) -> None:
    """The id of a call is its intent's, so that a receiver does nothing twice even where healer forgot that it had sent it."""
    for _ in range(2):
        await reaching(f"{called.url}/succeed", "127.0.0.1").run(order(), go)
    assert len(called.requests) == 2
    assert called.effects == ["i.0.0"]


async def test_look(called: Called) -> None:
    """A look says what would be called, without its secrets, and asks nobody; what is not declared is told by its name."""
    target = reaching(f"{called.url}/succeed?key=k3y")
    seen = await target.observe(order())
    assert (seen.exit_code, seen.output) == (0, "calls 127.0.0.1, signed")
    assert "no webhook 'other'" in (await target.observe(order(webhook="other"))).why
    assert called.requests == []


async def test_unknown_names(called: Called) -> None:
    """A webhook that the settings do not declare is refused by name."""
    target = reaching(f"{called.url}/succeed", "127.0.0.1")
    assert "no webhook 'other'" in (await target.run(order(webhook="other"), never)).why
    odd = msgspec.structs.replace(order(), argv=("trigger_anything",))
    assert "has no 'trigger_anything'" in (await target.run(odd, never)).why


class Signed(OverTls, Called):
    """Somebody whose certificate an authority of one's own signed."""


async def test_private_authority(tmp_path: Path) -> None:
    """A certificate of one's own authority is believed where the settings name it, and by nobody else: then nothing was sent."""
    signed = Signed(SECRET)
    signed.authority = Authority(tmp_path)
    async with signed:
        hook = {"shift": Webhook(url=Secret(f"{signed.url}/succeed"), secret=Secret(SECRET))}
        settings = HttpSettings(allow=("127.0.0.1",), webhooks=hook)
        unknown = await HttpTarget(settings, CLOCK).run(order("i.0.0"), never)
        assert (unknown.outcome, unknown.started, unknown.lasting, signed.requests) == ("refused", False, True, [])
        known = HttpTarget(msgspec.structs.replace(settings, ca=signed.authority.ca), CLOCK)
        assert (await known.run(order("i.0.1"), go)).outcome == "succeeded"
