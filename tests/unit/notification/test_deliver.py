"""Delivery against the real store in memory and a chat that keeps its messages, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import msgspec
import pytest

from healer.journey.ports import StoreUnavailable, Wanted
from healer.notification.deliver import GIVE_UP, LEASE, LOOK_S, TELL_S, Deliverer
from healer.notification.story import State, Story
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import SECOND
from notifiers.message import Ambiguous, Answer, Migrated, NotTried, Permanent, RateLimited, Reason, Transient
from tests.contracts.store.given import step
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimClock, SimRandom
from tests.unit.notification.chat import Chat

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Fate:
    """What happens around the store's transactions, by their names."""

    def __init__(self) -> None:
        self.before_it: dict[str, list[Exception]] = {}
        self.stuck: set[str] = set()

    async def before(self, name: str) -> None:
        if name in self.stuck:
            await asyncio.Event().wait()
        if self.before_it.get(name):
            raise self.before_it[name].pop()

    async def after(self, name: str) -> None:
        """Answers arrive."""


class Stand:
    """One store, its channels, and a deliverer that can die and be born again."""

    def __init__(self, loop: SimLoop, memory: Memory, *channels: str) -> None:
        self.clock = SimClock(loop)
        self.fate = Fate()
        self.store = Store(InlineRun(memory, self.clock, self.fate), "test")
        self.chats = {name: Chat() for name in channels or ("chat",)}
        self.counted: list[tuple[str, str]] = []
        self.matters: dict[str, str] = {}
        self._steps = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.deliverer = self._born()

    @property
    def chat(self) -> Chat:
        return self.chats["chat"]

    def accepting(self) -> bool:
        return self.deliverer.accepting

    def start(self) -> None:
        for channel in self.chats:
            self._tasks.append(asyncio.get_running_loop().create_task(self.deliverer.run(channel)))

    async def die(self) -> None:
        """The process ends, whatever it was doing, and another one takes its place."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._tasks = []
        self.deliverer = self._born()

    async def want(
        self,
        revision: int,
        state: State = "broken",
        *,
        incident: str = "i1",
        channel: str = "chat",
        urgent: bool = False,
        title: str = "",
        matter: str = "",
        severity: str = "critical",
    ) -> None:
        """A step wants this told, and says so to whoever delivers."""
        if not self._steps:
            await self.store.take_over("one")
        self._steps += 1
        line_1 = title or f"{incident} {revision} {state}"
        story = Story(incident, TRACE, state, severity, line_1, ("HostDown on host/a",), called=matter)
        wanted = [Wanted(incident, channel, revision, msgspec.msgpack.encode(story), urgent)]
        if matter:
            self.matters[incident] = matter
        if incident in self.matters:
            called = msgspec.structs.replace(wanted[0], urgent=True, opens=bool(matter), matter=self.matters[incident])
            wanted.append(called)
        await self.store.commit(step(self._steps, 1, 0, now=self.clock.now(), wanted=tuple(wanted)))

    async def told(self, revision: int, state: State = "broken", **where: Any) -> None:
        """Want it, wake the deliverer, and give it a moment."""
        await self.want(revision, state, **where)
        self.deliverer.wake()
        await asyncio.sleep(0.5)

    def _born(self) -> Deliverer:
        return Deliverer(
            self.store,
            self.chats,
            self.clock,
            SimRandom(1),
            base_url="http://healer.example.net",
            count=lambda channel, reason: self.counted.append((channel, reason)),
        )


Play = Callable[[Stand], Coroutine[Any, Any, None]]


def play(work: Play, *channels: str) -> Stand:
    """Run a test in virtual time."""
    with closing(Memory()) as memory, SimLoop(1) as loop:

        async def all_of_it() -> Stand:
            stand = Stand(loop, memory, *channels)
            stand.start()
            await work(stand)
            await stand.die()
            return stand

        return loop.run(all_of_it())


def test_one_message_that_stays_current() -> None:
    """The first news is sent, all later news edit it, and the trace id goes with each."""

    async def work(stand: Stand) -> None:
        for revision, state in enumerate(("broken", "healing", "healed"), start=1):
            await stand.told(revision, state)  # type: ignore[arg-type] # they are states

    stand = play(work)
    assert stand.chat.requests == ["send i1 1 broken", "edit i1 2 healing", "edit i1 3 healed"]
    assert list(stand.chat.messages.values()) == ["i1 3 healed"]
    assert set(stand.chat.traces) == {TRACE}
    assert stand.counted == [("chat", "delivered")] * 3


def test_where_nothing_can_be_edited_people_hear_of_what_line_1_says() -> None:
    """Not of numbers, nor that something is being done: what came of it follows. A new line 1 is a new message."""

    async def work(stand: Stand) -> None:
        stand.chat.can_edit = False
        await stand.told(1, title="[CRIT broken] a")
        await stand.told(2, title="[CRIT broken] a")
        await stand.told(3, "healing", title="[CRIT healing] a")
        await stand.die()
        stand.start()
        await stand.told(4, "broken", title="[CRIT broken] a")
        await stand.told(5, "needs you", title="[CRIT needs you] a")
        await stand.told(6, "over", title="[CRIT over] a")
        assert [row.state for row in await stand.store.rows()] == ["told"]

    sent = ["send [CRIT broken] a", "send [CRIT needs you] a", "send [CRIT over] a"]
    assert play(work).chat.requests == sent


def test_what_can_be_edited_once_is_edited_for_news() -> None:
    """Not for numbers, which would spend it; when that is not possible any more, the next news are a new message."""

    async def work(stand: Stand) -> None:
        stand.chat.can_edit, stand.chat.edits_once = False, True
        await stand.told(1, title="[CRIT broken] a")
        await stand.told(2, title="[CRIT broken] a")
        await stand.told(3, "healing", title="[CRIT healing] a")
        await stand.told(4, "healed", title="[CRIT healed] a")
        stand.chat.answers(Permanent("spent", Reason.NOT_EDITABLE))
        await stand.told(5, "broken", title="[CRIT broken] a again")

    chat = play(work).chat
    assert chat.requests == [
        "send [CRIT broken] a",
        "edit [CRIT healed] a",
        "edit [CRIT broken] a again",
        "send [CRIT broken] a again",
    ]
    assert list(chat.messages.values()) == ["[CRIT healed] a", "[CRIT broken] a again"]


def test_the_timeline_has_each_state_that_was_told() -> None:
    """What the recipient believed at which time can be read afterwards."""
    lines: list[tuple[str, str]] = []

    async def work(stand: Stand) -> None:
        await stand.told(1)
        await stand.told(2)
        await stand.told(3, "healed")
        lines.extend((one.code, one.facts["said"]) for one in await stand.store.timeline("i1"))

    play(work)
    assert lines == [("told", "broken"), ("edited", "healed")]


def test_a_crash_between_send_and_record_sends_once_more_and_no_more() -> None:
    """Nobody can know whether it was sent, so when the claim has run out it comes a second time; never a third."""

    async def work(stand: Stand) -> None:
        stand.fate.stuck.add("told")
        await stand.told(1)
        assert len(stand.chat.messages) == 1
        await stand.die()
        stand.fate.stuck.clear()
        stand.start()
        await asyncio.sleep(LEASE / SECOND - 2)
        assert len(stand.chat.requests) == 1, "while the claim lasts the row is the dead process's"
        await asyncio.sleep(60)
        assert len(stand.chat.messages) == 2
        await stand.die()
        stand.start()
        await asyncio.sleep(2 * LEASE / SECOND)

    assert len(play(work).chat.requests) == 2


def test_a_restart_tells_nobody_what_was_told() -> None:
    """The ledger remembers, not the process (A4)."""

    async def work(stand: Stand) -> None:
        await stand.told(1)
        for _ in range(3):
            await stand.die()
            stand.start()
            await asyncio.sleep(LEASE / SECOND)

    assert len(play(work).chat.requests) == 1


def test_while_the_store_is_away_what_was_sent_is_not_sent_again() -> None:
    """The ledger is told as soon as it can be, however long that takes."""

    async def work(stand: Stand) -> None:
        stand.fate.before_it["told"] = [StoreUnavailable("disk full")] * 500
        await stand.told(1)
        await asyncio.sleep(600)
        (row,) = await stand.store.rows()
        assert row.state == "told"

    assert len(play(work).chat.requests) == 1


def test_a_store_that_cannot_be_asked_is_asked_again() -> None:
    """Claiming fails, the worker goes on."""

    async def work(stand: Stand) -> None:
        stand.fate.before_it["claim"] = [StoreUnavailable("disk full")] * 3
        await stand.told(1)
        await asyncio.sleep(4 * LOOK_S)

    assert len(play(work).chat.messages) == 1


def test_a_send_without_an_answer_is_sent_again() -> None:
    """People are told at least once: it may be there twice, and the second is the one that stays current."""

    async def work(stand: Stand) -> None:
        stand.chat.lost.append(Ambiguous("connection lost"))
        await stand.told(1)
        assert not stand.accepting()
        await asyncio.sleep(10)
        assert stand.accepting()
        await stand.told(2, "healed")

    assert sorted(play(work).chat.messages.values()) == ["i1 1 broken", "i1 2 healed"]


def test_an_edit_without_an_answer_makes_no_second_message() -> None:
    """It is edited again, which changes nothing."""

    async def work(stand: Stand) -> None:
        await stand.told(1)
        stand.chat.lost.append(Ambiguous("connection lost"))
        await stand.told(2, "healed")
        await asyncio.sleep(10)
        (row,) = await stand.store.rows()
        assert (row.state, row.told_revision) == ("told", 2)

    assert play(work).chat.requests == ["send i1 1 broken", "edit i1 2 healed", "edit i1 2 healed"]


def test_news_during_a_send_is_edited_in_afterwards() -> None:
    """A revision that is wanted while an older one is under way is told next, in the same message."""

    async def work(stand: Stand) -> None:
        go = asyncio.Event()
        stand.chat.waits_for(go)
        await stand.told(1)
        await stand.told(2, "healing")
        assert stand.chat.messages == {}
        go.set()
        await asyncio.sleep(0.5)

    assert play(work).chat.requests == ["send i1 1 broken", "edit i1 2 healing"]


def test_a_message_that_somebody_deleted_is_sent_anew() -> None:
    """An edit that finds nothing to edit becomes a message of its own, in the same attempt."""

    async def work(stand: Stand) -> None:
        await stand.told(1)
        stand.chat.messages.clear()
        await stand.told(2, "needs you")
        await stand.told(3, "healed")

    stand = play(work)
    assert stand.chat.requests[1:] == ["edit i1 2 needs you", "send i1 2 needs you", "edit i1 3 healed"]
    assert list(stand.chat.messages.values()) == ["i1 3 healed"]


def test_a_refused_message_is_a_dead_letter_and_holds_nobody_up() -> None:
    """It is listed with why, the next row is told, and newer news gets another chance."""

    async def work(stand: Stand) -> None:
        stand.chat.answers(Permanent("chat not found", Reason.CHAT_NOT_FOUND, disable=True))
        await stand.told(1)
        (dead,) = await stand.store.rows(state="dead")
        assert dead.why == "chat not found"
        assert not stand.accepting()
        await stand.told(1, incident="i2")
        assert stand.accepting()
        await stand.told(2, "healed")

    assert sorted(play(work).chat.messages.values()) == ["i1 2 healed", "i2 1 broken"]


def test_what_fails_for_hours_is_a_dead_letter() -> None:
    """After so many failures in a row the row is given up; each attempt came later than the one before."""

    async def work(stand: Stand) -> None:
        stand.chat.answers(*[Transient("500", Reason.SERVER_ERROR)] * (GIVE_UP + 5))
        await stand.told(1)
        await asyncio.sleep(24 * 3600)
        assert [row.state for row in await stand.store.rows()] == ["dead"]

    assert len(play(work).chat.requests) == GIVE_UP


@pytest.mark.parametrize(
    "busy", [RateLimited(40 * SECOND, "429"), NotTried(40 * SECOND, Reason.BREAKER_OPEN, why="open")]
)
def test_a_busy_channel_is_left_alone_for_as_long_as_it_asks(busy: Answer) -> None:
    """No row of it is tried meanwhile, the most urgent comes first afterwards, and none is nearer to being dead."""

    async def work(stand: Stand) -> None:
        stand.chat.answers(busy)
        await stand.told(1)
        await stand.told(1, incident="i2")
        await stand.told(1, incident="urgent", urgent=True)
        await asyncio.sleep(37)
        assert len(stand.chat.requests) == 1
        assert [row.attempts for row in await stand.store.rows(incident="i1")] == [0]
        await asyncio.sleep(5)

    assert play(work).chat.requests[1:] == ["send urgent 1 broken", "send i1 1 broken", "send i2 1 broken"]


def test_a_moved_chat_is_told_at_once() -> None:
    """The sender knows the new place by then."""

    async def work(stand: Stand) -> None:
        stand.chat.answers(Migrated("-1002"))
        await stand.told(1)

    assert len(play(work).chat.messages) == 1


def test_a_channel_that_never_answers_is_cut_off_while_the_claim_lasts() -> None:
    """So that no two processes ever send the same row at the same time."""
    assert TELL_S * SECOND < LEASE

    async def work(stand: Stand) -> None:
        stand.chat.waits_for(asyncio.Event())
        await stand.told(1)
        await asyncio.sleep(TELL_S + 1)
        (row,) = await stand.store.rows()
        assert (row.state, row.attempts, row.why) == ("waiting", 1, "no answer within 150 s")
        await asyncio.sleep(10)

    assert len(play(work).chat.messages) == 1


def test_a_mistake_in_one_channel_is_that_rows_failure() -> None:
    """It is tried again later, and the others are told."""

    async def work(stand: Stand) -> None:
        async def mistake() -> Answer | None:
            raise KeyError("parse_mode")

        stand.chat.troubles.append(mistake)
        await stand.told(1)
        assert "parse_mode" in (await stand.store.rows())[0].why
        await stand.told(1, incident="i2")
        await asyncio.sleep(10)

    assert len(play(work).chat.messages) == 2


def test_a_slow_channel_holds_no_other_up() -> None:
    """Each channel has a worker of its own."""

    async def work(stand: Stand) -> None:
        stand.chat.waits_for(asyncio.Event())
        await stand.told(1)
        await stand.told(1, channel="sms")

    assert list(play(work, "chat", "sms").chats["sms"].messages.values()) == ["i1 1 broken"]


def test_a_wake_up_that_got_lost_costs_no_more_than_a_look() -> None:
    """Behind every wake-up there is a poll."""

    async def work(stand: Stand) -> None:
        await asyncio.sleep(1)
        await stand.want(1)
        await asyncio.sleep(LOOK_S + 0.1)
        assert len(stand.chat.messages) == 1
        await stand.want(2, "healed")
        stand.deliverer.wake()
        await asyncio.sleep(0.01)

    assert list(play(work).chat.messages.values()) == ["i1 2 healed"]


def test_a_channel_that_is_taken_out_hears_nothing_until_it_is_back() -> None:
    """What it missed is told then, as an edit of what it had been told before."""

    async def work(stand: Stand) -> None:
        await stand.told(1)
        stand.deliverer.use({}, "")
        await stand.told(2, "healing")
        assert stand.chat.requests == ["send i1 1 broken"]
        stand.deliverer.use(stand.chats, "")
        await asyncio.sleep(0.5)

    assert play(work).chat.requests == ["send i1 1 broken", "edit i1 2 healing"]


def test_a_sender_that_is_replaced_is_forgiven() -> None:
    """The heartbeat is not held back by a channel that was mended, or is gone."""

    async def work(stand: Stand) -> None:
        stand.deliverer.accepts["chat"] = False
        stand.deliverer.use(stand.chats, "")
        assert not stand.accepting()
        stand.deliverer.use({}, "")
        assert stand.accepting()

    play(work)


def test_people_are_called_by_a_new_message_and_the_older_one_is_edited() -> None:
    """An edit makes no sound: the call does, whatever the severity, and tells later what became of it, too."""

    async def work(stand: Stand) -> None:
        await stand.told(1, severity="warning")
        await stand.told(2, "needs you", matter="r1 failed", severity="warning")
        await stand.told(3, "over", severity="warning")

    stand = play(work)
    assert sorted(stand.chat.requests[1:3]) == ["edit i1 2 needs you", "send i1 2 needs you"]
    assert stand.chat.requests[3:] == ["edit i1 3 over", "edit i1 3 over"]
    assert sorted(stand.chat.messages.values()) == ["i1 3 over", "i1 3 over"]
    assert stand.chat.silent == [True, False]


def test_where_nothing_can_be_edited_the_call_is_the_only_new_message() -> None:
    """The same words twice, once as the story and once as the call, would be one too many."""

    async def work(stand: Stand) -> None:
        stand.chat.can_edit = False
        await stand.told(1)
        await stand.told(2, "needs you", matter="r1 failed")
        await stand.told(3, "over")

    assert play(work).chat.requests == ["send i1 1 broken", "send i1 2 needs you", "send i1 3 over"]


def test_what_a_call_said_counts_as_said() -> None:
    """Where nothing can be edited, what is as it was before the call is news again: the last that people read was the call."""

    async def work(stand: Stand) -> None:
        stand.chat.can_edit = False
        await stand.told(1, title="broken")
        await stand.told(2, "needs you", title="needs you", matter="r1 failed")
        await stand.told(3, title="broken")

    assert play(work).chat.requests == ["send broken", "send needs you", "send broken"]


def test_a_call_is_heard_though_the_story_went_on_while_the_channel_was_down() -> None:
    """Nothing newer takes its place before it was told; then it is brought up to date."""

    async def work(stand: Stand) -> None:
        await stand.told(1)
        stand.fate.stuck.add("claim")
        await stand.told(2, "needs you", matter="r1 approval")
        await stand.told(3, "over")
        await stand.die()
        stand.fate.stuck.clear()
        stand.start()
        await asyncio.sleep(2 * LOOK_S)

    chat = play(work).chat
    assert chat.requests.index("send i1 2 needs you") < chat.requests.index("edit i1 3 over")
    assert sorted(chat.messages.values()) == ["i1 3 over", "i1 3 over"]


def test_a_telling_that_is_repeated_is_known_by_its_key() -> None:
    """Also by the process that comes after the one that died with its answer; a call and a new message have others."""

    async def work(stand: Stand) -> None:
        stand.chat.waits_for(asyncio.Event())
        await stand.told(1)
        await stand.die()
        await stand.store.free_claims()
        stand.start()
        await stand.told(1)
        stand.chat.messages.clear()
        await stand.told(2, "needs you", matter="r1 failed")

    first, repeated, *others = play(work).chat.keys
    assert first == repeated
    assert len({first, *others}) == 3, "the one that was gone is told anew, and the call is a message of its own"
