"""Pictures for docs/channels.md: the life of one incident in each channel, as its stand-in was really sent it.

`python -m tests.contracts.notifiers.album` draws them anew. The real store and the real deliverer decide what is a new message,
what is an edit, and what is not told there at all.
"""

import asyncio
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import closing
from html import escape
from pathlib import Path
from typing import NamedTuple

import msgspec

from healer.journey.ports import Wanted
from healer.notification.deliver import Deliverer
from healer.notification.story import State, Story
from healer.notification.wording import Language, Speech
from healer.seams import SystemClock
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.clock import ManualClock, Micros
from notifiers.retry import TELEGRAM
from notifiers.sender import Rate
from tests.contracts.notifiers.bench import BENCHES, Bench
from tests.contracts.notifiers.golden import TRACE, ZONES, life
from tests.contracts.store.given import step
from tests.simulation.world import SimRandom

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"
CHINESE = ("dingtalk", "feishu", "feishu_app", "sms_aliyun", "sms_tencent", "wecom", "wecom_app")
"""Channels whose readers mostly read Chinese."""
WIDTH, LINE, PAD, GAP = 640, 22, 14, 34
COLUMNS = 74
"""Letters in a row; a Chinese character takes two."""
SOON_S = 20.0
HEALED = 5
"""Of the moments of `life`: those of an incident that is healed in the end."""
_COLOURS: dict[State, str] = {
    "broken": "#c62828",
    "needs you": "#c62828",
    "healing": "#ef6c00",
    "healed": "#2e7d32",
    "over": "#2e7d32",
}
_INK, _FAINT, _BUBBLE, _PAPER = "#1c1c1e", "#6b6b70", "#ffffff", "#e9edf0"


class Appeared(NamedTuple):
    """What people saw then: a message as it was from then on."""

    edited: bool
    text: str
    state: State


def language_of(channel: str) -> Language:
    return "zh" if channel in CHINESE else "en"


async def happened(channel: str) -> list[Appeared]:
    """Each message, and each change of one, in the order in which people saw them."""
    async with BENCHES[channel]() as bench:
        with closing(Memory()) as memory:
            return await _told(bench, memory, Speech(language_of(channel), ZONES[language_of(channel)]))


async def _told(bench: Bench, memory: Memory, speech: Speech) -> list[Appeared]:
    clock = SystemClock()
    store = Store(InlineRun(memory, clock), "album")
    await store.take_over("album")
    deliverer = Deliverer(
        store,
        {"duty": _channel(bench)},
        clock,
        SimRandom(1),
        base_url="https://healer.example.org",
        count=lambda _channel, _reason: None,
        speech={"duty": speech},
    )
    telling = asyncio.get_running_loop().create_task(deliverer.run("duty"))
    found: list[Appeared] = []
    seen: list[str] = []
    called = ""
    for number, (matter, told) in enumerate(life()[:HEALED], start=1):
        story = msgspec.structs.replace(told, trace_id=TRACE, called=matter)
        called = matter or called
        wanted = tuple(_wanted(story, number, called))
        await store.commit(step(number, 1, 0, now=clock.now(), wanted=wanted))
        deliverer.wake()
        await _settled(store)
        found += _appeared(seen, bench.seen(), story.state)
        seen = list(bench.seen())
    telling.cancel()
    await asyncio.wait([telling])
    return found


class NoLimit:
    """`Limiter` for an incident whose life is over in milliseconds."""

    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        return 0

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        """The benches enforce no rates."""


def _channel(bench: Bench) -> Channel:
    """As in production, but for the rates."""
    breaker, random = Breaker("duty", ManualClock()), SimRandom(1)
    return Channel(
        bench.sender, breaker=breaker, limiter=NoLimit(), backoff=TELEGRAM, random=random, sleep=asyncio.sleep
    )


def _wanted(story: Story, revision: int, called: str) -> Iterator[Wanted]:
    """As a step wants it: the story, and what people were called for last, which goes on with it."""
    about = Wanted(story.incident, "duty", revision, msgspec.msgpack.encode(story), bool(story.called))
    yield about
    if called:
        yield msgspec.structs.replace(about, urgent=True, opens=bool(story.called), matter=called)


async def _settled(store: Store) -> None:
    """Wait until everything that is wanted is told."""
    async with asyncio.timeout(SOON_S):
        while any(row.state != "told" for row in await store.rows()):
            await asyncio.sleep(0.002)


def _appeared(before: Sequence[str], now: Sequence[str], state: State) -> Iterator[Appeared]:
    for place, text in enumerate(now):
        if place >= len(before):
            yield Appeared(False, text, state)
        elif text != before[place]:
            yield Appeared(True, text, state)


def drawn(channel: str, seen: Sequence[Appeared]) -> str:
    """An SVG of what was seen, from the top down."""
    parts: list[str] = []
    top = GAP + PAD
    for one in seen:
        rows = [row for number, line in enumerate(one.text.splitlines()) for row in _rows(line, bold=number == 0)]
        height = 2 * PAD + LINE * len(rows)
        caption = "the same message, edited" if one.edited else "a new message"
        parts.append(f'<text x="{PAD}" y="{top - 8}" font-size="12" fill="{_FAINT}">{caption}</text>')
        parts.append(
            f'<rect x="{PAD}" y="{top}" width="{WIDTH - 2 * PAD}" height="{height}" rx="10" fill="{_BUBBLE}"/>'
        )
        parts.append(f'<rect x="{PAD}" y="{top}" width="6" height="{height}" rx="3" fill="{_COLOURS[one.state]}"/>')
        for number, (row, bold) in enumerate(rows):
            y = top + PAD + LINE * number + 15
            weight = ' font-weight="bold"' if bold else ""
            parts.append(f'<text x="{2 * PAD + 4}" y="{y}" xml:space="preserve"{weight}>{escape(row)}</text>')
        top += height + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="{_INK}">'
        f"<title>One incident in a channel of type {channel}</title>"
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{top}" fill="{_PAPER}"/>', *parts, "</svg>", ""])


def _rows(line: str, *, bold: bool) -> Iterator[tuple[str, bool]]:
    """The line as it is broken on a screen."""
    row, taken = "", 0
    for letter in line:
        wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if taken + wide > COLUMNS:
            yield row, bold
            row, taken = "", 0
        row, taken = row + letter, taken + wide
    yield row, bold


def file_of(channel: str) -> Path:
    return FOLDER / f"{channel}.svg"


async def _draw_all() -> None:
    FOLDER.mkdir(exist_ok=True)
    for channel in BENCHES:
        file_of(channel).write_text(drawn(channel, await happened(channel)), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_draw_all())
