"""PagerDuty: what an event says, and what an answer means."""

import io
import json
import time

import aiohttp
import msgspec
import pytest

from notifiers import CHANNELS, Means
from notifiers.clock import SECOND
from notifiers.exchange import Reply
from notifiers.message import Ambiguous, Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient, line
from notifiers.pagerduty import PagerdutyConfig, interpret
from notifiers.secret import Secret
from tests.standins.pagerduty import PagerdutyStandin

KEY = "R0UT1NGKEY0123456789abcdef012345"
TRACE = "0af7651916cd43dd8448eb211c80319c"
STORY = Message(
    "[CRIT broken] rack r17 down", (line("since 10:02"),), "https://healer.example/incidents/7", code="7f3a"
)


async def test_a_story_is_one_alert_which_ends_with_it() -> None:
    """All tellings of an incident have one key; what is healed or over resolves, so that nobody is paged for it any more."""
    async with PagerdutyStandin(KEY, clock=time.time) as provider, aiohttp.ClientSession() as session:
        config = PagerdutyConfig(routing_key=Secret(KEY), api_url=provider.url)
        sender = CHANNELS["pagerduty"].factory("pager", config, Means.alone(session, io.StringIO(), lambda: 0))
        first = await sender.send(STORY, trace_id=TRACE)
        assert isinstance(first, Ok)
        await sender.edit(first.reference, msgspec.structs.replace(STORY, title="healing"), trace_id=TRACE)
        await sender.edit(first.reference, msgspec.structs.replace(STORY, title="healed", ended=True), trace_id=TRACE)
        again = await sender.send(STORY, trace_id=TRACE)

    assert isinstance(again, Ok)
    assert again.reference == first.reference == Told(f"healer-{TRACE}", "pager")
    assert provider.actions == ["trigger", "trigger", "resolve", "trigger"]
    event = json.loads(provider.requests[0].body)
    assert event["payload"]["custom_details"] == {"story": "since 10:02"}
    assert event["links"] == [{"href": "https://healer.example/incidents/7", "text": "all of it"}]


def answer(status: int, **said: object) -> Answer:
    return interpret(Reply(status, "", json.dumps({"status": "said", **said}).encode()), Told("healer-1", "pager"))


def test_what_an_answer_means() -> None:
    """202 is taken; a 429 is obeyed by the minute; a wrong key is for good and disables; a bad event is a bad message."""
    assert answer(202) == Ok(Told("healer-1", "pager"))
    throttled = answer(429)
    assert isinstance(throttled, RateLimited)
    assert throttled.retry_after == 60 * SECOND
    assert isinstance(answer(500), Transient)
    wrong = answer(400, errors=["Invalid routing key"])
    assert isinstance(wrong, Permanent)
    assert (wrong.reason, wrong.disable) == (Reason.UNAUTHORIZED, True)
    bad = answer(400, errors=["'payload.summary' is missing or blank"])
    assert isinstance(bad, Permanent)
    assert (bad.reason, bad.disable) == (Reason.BAD_MESSAGE, False)
    assert isinstance(interpret(Reply(202, "", b"<html>"), Told("1")), Ambiguous)


@pytest.mark.parametrize(
    ("given", "key"), [({"routing_key": "with space"}, "routing_key"), ({"api_url": "events"}, "api_url")]
)
def test_what_is_refused(given: dict[str, str], key: str) -> None:
    """A wrong value is refused by the name of its key."""
    said = {"routing_key": KEY} | given
    with pytest.raises(ValueError, match=r"an integration key|expected a URL") as refused:
        PagerdutyConfig(**said | {"routing_key": Secret(said["routing_key"])})  # type: ignore[arg-type] # one is a Secret
    assert refused.value.args[1] == key
