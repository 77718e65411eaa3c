"""Silences and maintenance in random histories: engine and oracle agree, promises hold, and what breaks a rule is caught."""

import random
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.silences import OWN, Silence, SilenceMatcher
from healer.convergence import judge, quiet
from healer.convergence.episode import Episode, Status
from healer.convergence.judge import View
from healer.convergence.standing import Words
from healer.convergence.state import State
from healer.times import SECOND, Micros
from tests.unit.convergence.histories import QUIET, Event, Kind, Story, Telling, random_story, stories
from tests.unit.convergence.oracle import Fault, Oracle
from tests.unit.convergence.promises import check_incidents, check_partition, check_statuses
from tests.unit.convergence.world import START

STORIES = 150


@dataclass(frozen=True)
class Word:
    """Somebody's word on a node, from the beginning: `begin` and `end` in seconds after `START`; maintenance, or a silence."""

    node: str
    begin: int
    end: int
    below: bool
    maintenance: bool


class QuietOracle(Oracle):
    """Knows in addition what nobody may speak of, and since when they may again: it then counts as begun at that time, too.

    It knows all that `plain` knows.
    """

    def __init__(self, plain: Oracle, words: tuple[Word, ...]) -> None:
        vars(self).update(vars(plain))
        self._words = words
        self._spoken: dict[str, tuple[Fault, int, int]] = {}

    def is_quiet(self, node: str, now: int) -> bool:
        """Whether a word covers this node."""
        covered = {node, *self.above(node)}
        return any(
            START + word.begin * SECOND <= now < START + word.end * SECOND
            and (word.node == node or (word.maintenance and word.below and word.node in covered))
            for word in self._words
        )

    def turn(self, at: int) -> list[str]:
        """Some word begins or ends: the keys of what fires and may be spoken of again."""
        again = [
            fault
            for fault in self.faults.values()
            if fault.ended is None and self.is_quiet(fault.node, at - 1) and not self.is_quiet(fault.node, at)
        ]
        for fault in again:
            self._spoken[fault.key] = (fault, fault.began, at)
        self._derive(at)
        return [fault.key for fault in again]

    def _fits(self, cause: Fault, fault: Fault, now: int) -> bool:
        known, began, at = self._spoken.get(fault.key, (None, 0, 0))
        if super()._fits(cause, fault, now):
            return True
        since = known is fault and fault.began <= began
        return since and super()._fits(cause, replace(fault, onset=at), now)


class QuietTelling(Telling):
    """A story with people's words in it."""

    def __init__(self, story: Story, words: tuple[Word, ...]) -> None:
        super().__init__(story)
        self.oracle: QuietOracle = QuietOracle(self.oracle, words)
        self._turns = sorted({at for word in words for at in (word.begin, word.end)})
        for word in words:
            if word.maintenance:
                self.world.maintain(word.node, f"{word.begin}s", f"{word.end}s", below=word.below)
            else:
                times = START + word.begin * SECOND, START + word.end * SECOND
                said = Silence("", OWN, (SilenceMatcher("on", word.node),), *times, "jo", "")
                self.world.position += 1
                self.world.engine.hush(said, self.world.position)

    def tell(self, at: int, events: tuple[Event, ...]) -> None:
        self._turn_to(at)
        super().tell(at, events)

    def pass_to(self, at: int) -> None:
        self._turn_to(at)
        super().pass_to(at)

    def _turn_to(self, at: int) -> None:
        while self._turns and self._turns[0] <= at:
            now = START + self._turns.pop(0) * SECOND
            self.oracle.look(now)
            self.arrived.update(dict.fromkeys(self.oracle.turn(now), now))

    def compare(self, at: int) -> None:
        """Who is silent, and who is explained by whom, silent or not."""
        now = START + at * SECOND
        expected = self.oracle.look(now)
        found = {view.labels.decode(): view for view in self.world.engine.alerts() if not view.ended_at}
        assert found.keys() == expected.keys()
        for key, by in expected.items():
            view, silent = found[key], self.oracle.is_quiet(self.oracle.faults[key].node, now)
            assert (view.status == "silenced") is silent, f"{key} is {view.status}"
            assert silent or (view.status == "suppressed") is (by is not None), f"{key} is {view.status}, not by {by}"
            assert view.onset == self.oracle.faults[key].onset, f"{key} began at another time"
            assert view.status not in ("silenced", "suppressed") or view.by.decode() == (by or ""), key


def plain(story: Story) -> Story:
    """The same, without alerts that are told in any case: of these, others speak."""
    told = tuple(
        (
            at,
            tuple(
                replace(one, who=Kind("Down" if one.who.name == "Down" else "Hot", *_rest(one.who))) for one in events
            ),
        )
        for at, events in story.deliveries
    )
    return replace(story, deliveries=told)


def _rest(who: Kind) -> tuple[str, str]:
    return who.node, who.severity


def tell(story: Story, words: tuple[Word, ...]) -> None:
    """Play it, and hold the engine to the oracle and to the promises at every second at which something may turn."""
    telling = QuietTelling(plain(story), words)
    turns = {at + after for word in words for at in (word.begin, word.end) for after in (0, 3, 5)}
    last = 0
    for at, events in telling.story.deliveries:
        for second in [second for second in sorted(turns) if last < second < at]:
            look(telling, second)
        telling.tell(at, events)
        check(telling, at)
        last = at
    for second in sorted({second for second in turns if second > last} | {last + 5, last + 15, last + 16}):
        look(telling, second)
    look(telling, max(last, *turns, 0) + QUIET)
    check_partition(telling)


def look(telling: QuietTelling, second: int) -> None:
    telling.pass_to(second)
    check(telling, second)


def check(telling: QuietTelling, second: int) -> None:
    telling.compare(second)
    check_statuses(telling.world, telling.arrived)
    check_incidents(telling.world)


@st.composite
def told(draw: st.DrawFn) -> tuple[Story, tuple[Word, ...]]:
    """A story, and up to three words on its nodes. They begin before the last of it and end soon after at the latest."""
    story = draw(stories())
    word = st.builds(
        lambda node, begin, length, below, work: Word(node, begin, begin + length, below, work),
        st.sampled_from(story.nodes),
        st.integers(1, 250),
        st.integers(1, 80),
        st.booleans(),
        st.booleans(),
    )
    return story, tuple(draw(st.lists(word, min_size=1, max_size=3)))


@given(told())
def test_agrees(drawn: tuple[Story, tuple[Word, ...]]) -> None:
    """Of every firing alert, at every instant: who may speak of it, who explains it, and how long it is held afterwards."""
    tell(*drawn)


def random_words(seed: int, story: Story) -> tuple[Word, ...]:
    chance = random.Random(seed)
    begins = [(chance.choice(story.nodes), chance.randint(1, 200), chance.randint(1, 80)) for _ in range(3)]
    return tuple(
        Word(node, begin, begin + length, chance.random() < 0.5, chance.random() < 0.7)
        for node, begin, length in begins
    )


def caught() -> bool:
    """Whether any of the stories fails a check."""
    for seed in range(STORIES):
        story = random_story(seed)
        try:
            tell(story, random_words(seed, story))
        except AssertionError:
            return True
    return False


def told_at_once(patch: pytest.MonkeyPatch) -> None:
    """What a silence no longer covers is not held."""
    patch.setattr(quiet, "speak_again", lambda *_: None)


def no_cause_that_comes_back(patch: pytest.MonkeyPatch) -> None:
    """What a silence no longer covers does not count as new."""
    real = quiet.speak_again

    def speak_again(state: State, episode: Episode) -> None:
        real(state, episode)
        episode.spoken_at = 0

    patch.setattr(quiet, "speak_again", speak_again)


def silenced_explains_nobody(patch: pytest.MonkeyPatch) -> None:
    """A silenced alert is no cause."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        return None if cause.status == Status.SILENCED else real(cause, symptom, view)

    patch.setattr(judge, "explains", explains)


def never_ends(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks when a silence ends."""
    real = quiet.look_again

    def look_again(state: State) -> None:
        if not state.words:
            real(state)

    patch.setattr(quiet, "look_again", look_again)


def node_alone(patch: pytest.MonkeyPatch) -> None:
    """`below` means nothing."""

    def nothing(_: int) -> tuple[tuple[int, Micros], ...]:
        return ()

    patch.setattr("healer.convergence.quiet.Words", lambda standing, _above: Words(standing, nothing))


MUTANTS = (told_at_once, no_cause_that_comes_back, silenced_explains_nobody, never_ends, node_alone)


def test_unbroken() -> None:
    """The engine as it is passes every story that the mutants are tried on."""
    assert not caught()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_is_caught(mutant: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is broken in one small way fails a check of these tests."""
    assert callable(mutant)
    mutant(monkeypatch)
    assert caught()
