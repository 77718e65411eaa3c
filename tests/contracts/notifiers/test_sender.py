"""What every channel has to do, whoever is behind it. A new channel gets these by being registered."""

import asyncio
import logging
import traceback
from typing import get_args

import msgspec
import pytest

from notifiers import CHANNELS
from notifiers.cut import utf8_bytes, utf16_units
from notifiers.message import (
    Ambiguous,
    Answer,
    Emphasis,
    Message,
    Ok,
    OkNoop,
    Permanent,
    Reason,
    Span,
    Told,
    Transient,
    line,
)
from notifiers.sender import Sender, Unit
from tests.contracts.notifiers.bench import BENCHES, Bench

TRACE = "0af7651916cd43dd8448eb211c80319c"
STORY = Message(
    "[CRIT broken] rack r17 down, cn-1",
    (
        line("since ", Span("10:02", Emphasis.STRONG), " (02:02 UTC)"),
        line("cause: ", Span("switch-3", Emphasis.CODE)),
        (),
        line(f"trace {TRACE}"),
    ),
    more_url="https://healer.example/incidents/7",
    code="7f3a",
)
TOLD = f"[CRIT broken] rack r17 down, cn-1\nsince 10:02 (02:02 UTC)\ncause: switch-3\n\ntrace {TRACE}"


async def sent(bench: Bench, message: Message = STORY) -> Told:
    answer = await bench.sender.send(message, trace_id=TRACE)
    assert isinstance(answer, Ok)
    return answer.reference


def test_every_channel_has_a_bench() -> None:
    """No channel is registered without being held to this suite."""
    assert set(BENCHES) == set(CHANNELS)


def test_configuration_refuses_what_it_does_not_know() -> None:
    """A misspelt key is an error in every channel, never silently ignored."""
    for kind in CHANNELS.values():
        assert kind.config.__struct_config__.forbid_unknown_fields
        assert kind.config.__struct_config__.frozen


async def test_names_itself(bench: Bench) -> None:
    """A sender bears the operator's name, and its type is the one it is registered under."""
    sender: Sender = bench.sender
    assert sender.name
    assert sender.type in CHANNELS
    assert sender.limits.size >= 0


async def test_whole_story_is_read(bench: Bench) -> None:
    """Readers see the title first, then every line, and nothing else; where there is room for no more, line 1 and a code."""
    await sent(bench)
    assert bench.seen() == [bench.shown(STORY)]
    assert bench.shown(STORY) in (TOLD, "[CRIT broken] rack r17 down, cn-1 (7f3a)")


async def test_edit_changes_the_same_message(bench: Bench) -> None:
    """As the story goes on readers see one message, as it is now; a channel that cannot do that says "send anew"."""
    reference = await sent(bench)
    healed = msgspec.structs.replace(STORY, title="[CRIT healed] rack r17 down, cn-1")
    answer = await bench.sender.edit(reference, healed, trace_id=TRACE)
    if bench.sender.can_edit:
        assert isinstance(answer, Ok)
        assert answer.reference == reference
        assert bench.seen() == [bench.shown(healed)]
    else:
        assert isinstance(answer, Permanent)
        assert answer.send_anew
        assert bench.seen() == [bench.shown(STORY)]


async def test_edit_to_the_same_is_no_failure(bench: Bench) -> None:
    """An edit that is repeated after a crash is done, and readers see nothing of it."""
    reference = await sent(bench)
    answer = await bench.sender.edit(reference, STORY, trace_id=TRACE)
    if bench.sender.can_edit:
        assert isinstance(answer, Ok | OkNoop)
        assert answer.reference == reference
    assert bench.seen() == [bench.shown(STORY)]


async def test_edit_by_a_reference_from_the_ledger(bench: Bench) -> None:
    """A reference survives a restart of the service as one string."""
    reference = Told.unpack((await sent(bench)).pack())
    healed = msgspec.structs.replace(STORY, title="healed")
    answer = await bench.sender.edit(reference, healed, trace_id=TRACE)
    assert isinstance(answer, Ok if bench.sender.can_edit else Permanent)
    assert bench.seen() == [bench.shown(healed if bench.sender.can_edit else STORY)]


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & <script>alert(1)</script> &lt; &#60;",
        "*a* _b_ `c` [d](https://x) ~e~ # f | g {h} !",
        "{{ 7 * 7 }} ${HOME} %s %(x)s \\n",
        "机架断电 🔥 é ß ẞ",
        '"quoted" \'and\' "more',
        '<a href="https://x.example">y</a> <A>',
        "[bold]rich[/bold] :fire: [link=https://x]y[/link]",
    ],
)
async def test_labels_are_data(bench: Bench, text: str) -> None:
    """Whatever a label holds is shown as it is: never markup, a template or an escape."""
    message = Message(text, (line(text), line(Span(text, Emphasis.CODE))))
    await sent(bench, message)
    assert bench.seen() == [bench.shown(message)]


async def test_unreadable_characters_stop_nothing(bench: Bench) -> None:
    """Half surrogates, NUL and terminal escapes in a label do not keep people from hearing."""
    await sent(bench, Message("rack\ud800 \x1b[2Jr17\x00", (line("a\nb\u202e"),)))
    (seen,) = bench.seen()
    assert "r17" in seen
    assert not set(seen) & set("\x00\x1b\u202e\ud800")
    assert seen.count("\n") <= 1


async def test_too_long_a_story_is_cut_and_linked(roomy: Bench) -> None:
    """A story beyond the limit arrives, cut on a code point; who wants the rest has a link to it."""
    size = roomy.sender.limits.size
    measure = {Unit.UTF16: utf16_units, Unit.BYTES: utf8_bytes, Unit.NONE: len}[roomy.sender.limits.unit]
    await sent(roomy, msgspec.structs.replace(STORY, lines=(line("🔥断" * (size or 10_000)),)))
    (seen,) = roomy.seen()
    assert seen.startswith("[CRIT broken] rack r17 down, cn-1\n🔥断🔥断")
    if size:
        assert size - 200 <= measure(seen) <= size
        assert "…\nread all of it" in seen


async def test_trace_goes_out(networked: Bench) -> None:
    """The incident's trace id is in the request's headers, plainly and as W3C trace context."""
    await sent(networked)
    headers = networked.headers()
    assert headers["x-trace-id"] == TRACE
    version, trace, parent, flags = headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert len(parent) == 16
    assert int(parent, 16)


@pytest.mark.parametrize("trace_id", ["", "nonsense\r\nX-Evil: 1", "0" * 32])
async def test_no_trace_is_no_obstacle(bench: Bench, trace_id: str) -> None:
    """Without a valid trace id the message goes out all the same, without the headers."""
    assert isinstance(await bench.sender.send(STORY, trace_id=trace_id), Ok)
    assert not {"x-trace-id", "traceparent", "x-evil"} & set(bench.headers())


async def test_every_fault_is_an_answer_without_secrets(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong is an answer of the closed set, never an exception, and no secret is in it or in any log line."""
    caplog.set_level(logging.DEBUG)
    reference = await sent(bench)
    texts: list[str] = []
    for name, happen in bench.faults.items():
        for attempt in ("send", "edit"):
            happen()
            try:
                if attempt == "send":
                    answer: Answer = await bench.sender.send(STORY, trace_id=TRACE)
                else:
                    answer = await bench.sender.edit(reference, STORY, trace_id=TRACE)
            except Exception:  # noqa: BLE001 - that nothing at all is raised is what is tested
                pytest.fail(f"{name}: {attempt} raised {traceback.format_exc()}")
            assert isinstance(answer, get_args(Answer)), name
            assert answer.reason in Reason
            texts += [repr(answer), msgspec.json.encode(answer).decode()]
    texts += [repr(bench.sender), str(bench.config), caplog.text, repr(vars(bench.sender))]
    for secret in bench.secrets:
        assert not [text for text in texts if secret in text]


async def test_cancellation_gets_through(networked: Bench) -> None:
    """A stopping service does not wait for a channel: cancellation ends the attempt as cancellation."""
    networked.faults["slow"]()
    task = asyncio.create_task(networked.sender.send(STORY, trace_id=TRACE))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_slow_but_stored_is_ambiguous(networked: Bench) -> None:
    """An answer that came too late does not mean that nobody heard."""
    networked.faults["slow"]()
    assert isinstance(await networked.sender.send(STORY, trace_id=TRACE), Ambiguous)
    assert networked.seen() == [networked.shown(STORY)]


async def test_nobody_listening_is_temporary(networked: Bench) -> None:
    """When nobody takes the connection, certainly nothing was sent: the answer says "later", and holds no secret."""
    await networked.vanish()
    answer = await networked.sender.send(STORY, trace_id=TRACE)
    assert isinstance(answer, Transient)
    assert answer.reason is Reason.CONNECT
    assert not [secret for secret in networked.secrets if secret in repr(answer)]


async def test_a_reference_of_another_channel_is_refused(bench: Bench) -> None:
    """A reference that this channel never gave is answered with "send anew" or harmlessly shown, never raised."""
    answer = await bench.sender.edit(Told("om_x/../1", "nowhere"), STORY, trace_id=TRACE)
    assert isinstance(answer, Ok) or (isinstance(answer, Permanent) and answer.send_anew)
