"""What becomes of a call through a faulty port, one fault at a time."""

import asyncio

import pytest

from healer.times import SECOND
from tests.simulation.faults import Faults, Odds, faulty
from tests.simulation.incarnation import Frozen, Incarnation
from tests.simulation.loop import SimLoop

ALWAYS = 1_000


class Gone(Exception):
    """What the caller of the ledger gets when nobody answers."""


class Ledger:
    """A port in the world outside; writing takes a second."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.title = "ledger"

    async def write(self, text: str) -> int:
        await asyncio.sleep(1)
        self.pages.append(text)
        return len(self.pages)

    def count(self) -> int:
        return len(self.pages)


class Life:
    """One incarnation that writes once through a faulty ledger, and what came of it."""

    def __init__(self, odds: Odds, *, remote: bool = False, spared: tuple[str, ...] = ()) -> None:
        self.loop = SimLoop(1)
        self.life = Incarnation("life")
        self.ledger = Ledger()
        self.faults = Faults(self.loop, 1, odds)
        self.port = faulty(self.ledger, "ledger", self.faults, self.life, lost=Gone, remote=remote, spared=spared)
        self.end = "nothing"

    async def act(self) -> None:
        try:
            self.end = f"answer {await self.port.write('a')}"
        except Gone as gone:
            self.end = f"gone {gone}"
        finally:
            self.end += ", ended"

    def run(self, *, crash_at: float | None = None, cancel_at: float | None = None) -> str:
        async def outside() -> None:
            task = self.life.start(self.act(), name="act")
            if crash_at is not None:
                self.loop.call_later(crash_at, self.life.freeze)
            if cancel_at is not None:
                self.loop.call_later(cancel_at, task.cancel)
            await asyncio.sleep(100)

        with self.loop:
            self.loop.run(outside())
            end = self.end
            assert self.loop.uncaught() == []
        return end


def test_without_odds_the_port_is_itself() -> None:
    """No fault, no difference: answers, attributes and plain methods pass through."""
    life = Life(Odds())
    assert life.run() == "answer 1, ended"
    assert life.port.title == "ledger"
    with pytest.raises(Frozen):  # the run is over, and its incarnation with it
        life.port.count()


def test_crash_before_leaves_no_effect() -> None:
    """The process ends before the call: nothing is written, and no clean-up runs."""
    life = Life(Odds(crash_before=ALWAYS, crashes=1))
    assert life.run() == "nothing"
    assert life.ledger.pages == []
    assert life.life.frozen


def test_crash_after_leaves_the_effect() -> None:
    """The process ends before it sees the answer: the effect stays."""
    life = Life(Odds(crash_after=ALWAYS, crashes=1))
    assert life.run() == "nothing"
    assert life.ledger.pages == ["a"]


def test_crashes_are_limited() -> None:
    """No more crashes than the odds say."""
    assert Life(Odds(crash_before=ALWAYS, crashes=0)).run() == "answer 1, ended"


def test_a_lost_call_and_a_lost_answer_look_alike() -> None:
    """The caller gets the same error; only one of the two had an effect."""
    call, answer = Life(Odds(lost_call=ALWAYS)), Life(Odds(lost_answer=ALWAYS))
    assert call.run() == answer.run() == "gone ledger.write, ended"
    assert (call.ledger.pages, answer.ledger.pages) == ([], ["a"])


def test_a_delay_only_delays() -> None:
    """A delayed call answers later."""
    life = Life(Odds(delay=ALWAYS, longest_delay=50 * SECOND))
    assert life.run() == "answer 1, ended"
    assert life.faults.injected == ["0s ledger.write: delay"]


@pytest.mark.parametrize(("remote", "pages"), [(False, []), (True, ["a"])])
def test_a_crash_in_the_middle_stops_only_what_is_inside(remote: bool, pages: list[str]) -> None:
    """What already left for a remote port lands although its sender died; what runs in the process stops with it."""
    life = Life(Odds(), remote=remote)
    assert life.run(crash_at=0.5) == "nothing"
    assert life.ledger.pages == pages


@pytest.mark.parametrize(("remote", "pages"), [(False, []), (True, ["a"])])
def test_giving_up_does_not_call_a_remote_effect_back(remote: bool, pages: list[str]) -> None:
    """A time-out of the caller leaves a remote effect under way."""
    life = Life(Odds(), remote=remote)
    assert life.run(cancel_at=0.5) == "nothing, ended"
    assert life.ledger.pages == pages


def test_spared_methods_and_quiet_times_have_no_faults() -> None:
    """Faults can be kept from a method, and ended for a run to come to rest."""
    assert Life(Odds(lost_call=ALWAYS), spared=("write",)).run() == "answer 1, ended"
    life = Life(Odds(lost_call=ALWAYS))
    life.faults.quiet()
    assert life.run() == "answer 1, ended"


def test_odds_come_from_the_seed_and_differ() -> None:
    """Equal seeds have equal odds; among many there are calm ones and rough ones."""
    assert Odds.drawn(5) == Odds.drawn(5)
    drawn = [Odds.drawn(seed) for seed in range(200)]
    assert any(not (odds.lost_answer or odds.lost_call) for odds in drawn)
    assert any(odds.crashes and odds.crash_after for odds in drawn)
