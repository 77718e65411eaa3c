"""Each rule, broken in one small way, is caught: what the oracle and the promises say about the engine means something."""

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from healer.convergence import engine, incidents, intake, judge, settle, storms
from healer.convergence.episode import Case, Code, Episode, Place, Status
from healer.convergence.judge import Verdict, View
from healer.convergence.state import State
from healer.topology import redundancy
from healer.topology.index import Index
from tests.unit.convergence import test_storms
from tests.unit.convergence.histories import random_story
from tests.unit.convergence.test_oracle import tell
from tests.unit.convergence.world import Graph

STORIES = 500
Patch = Callable[[pytest.MonkeyPatch], None]


def caught() -> str:
    """The file whose check failed first, or "" when all stories pass. Whatever is no check of the tests' own is raised."""
    for seed in range(STORIES):
        try:
            tell(random_story(seed))
        except AssertionError as failed:
            return Path(traceback.extract_tb(failed.__traceback__)[-1].filename).name
    return ""


def test_unbroken() -> None:
    """The engine as it is passes every story that the mutants are tried on."""
    assert caught() == ""


def rule_1_no_window(patch: pytest.MonkeyPatch) -> None:
    """A cause explains whatever begins after it, however much later."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        found = real(cause, symptom, view)
        able = cause.traits.suppressor and cause.traits.level >= symptom.traits.level and not cause.ended_at
        return found or (Code.BELOW_ROOT if able and symptom.onset > cause.onset else None)

    patch.setattr(judge, "explains", explains)


def rule_1_soft_reach(patch: pytest.MonkeyPatch) -> None:
    """A cause that is down explains no longer than one that is degraded."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        found = real(cause, symptom, view)
        return None if found is Code.BELOW_LONG_LIVED else found

    patch.setattr(judge, "explains", explains)


def rule_1_parents_only(patch: pytest.MonkeyPatch) -> None:
    """Only a direct parent explains."""
    real = Graph.above
    patch.setattr(Graph, "above", lambda graph, node: [one for one in real(graph, node) if one[1] == 1])


def rule_2_chains_stay(patch: pytest.MonkeyPatch) -> None:
    """What an alert explained stays with it when it is itself explained."""
    patch.setattr(settle, "release", lambda *_: None)


def rule_2_held_explain_not(patch: pytest.MonkeyPatch) -> None:
    """An alert that is held explains nobody yet."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        return None if cause.status is Status.HELD else real(cause, symptom, view)

    patch.setattr(judge, "explains", explains)


def rule_3_nearest_in_graph(patch: pytest.MonkeyPatch) -> None:
    """Of several causes the nearest in the graph explains, before severity and time."""
    real = judge.preference

    def preference(verdict: Verdict, symptom: Episode, view: View) -> tuple[int, int, int, str, bytes]:
        level, apart, distance, name, labels = real(verdict, symptom, view)
        return (distance, level, apart, name, labels)

    patch.setattr(judge, "preference", preference)


def rule_3_time_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The distance in time does not matter."""
    real = judge.preference

    def preference(verdict: Verdict, symptom: Episode, view: View) -> tuple[int, int, int, str, bytes]:
        level, _, distance, name, labels = real(verdict, symptom, view)
        return (level, 0, distance, name, labels)

    patch.setattr(judge, "preference", preference)


def rule_4_each_parent_counts_alone(patch: pytest.MonkeyPatch) -> None:
    """Where one of two uplinks is down, it explains what is beneath."""
    patch.setattr(judge, "getting_through", lambda _episode, found, _view: found)


def rule_4_no_parent_counts(patch: pytest.MonkeyPatch) -> None:
    """What comes from a parent that another stands in for never gets through."""
    patch.setattr(redundancy, "ways", lambda child, hit, above, groups: [] if child in groups else [*{*above} & {*hit}])


def rule_5_around_in_circles(patch: pytest.MonkeyPatch) -> None:
    """In a circle nothing comes first: alerts explain one another."""
    patch.setattr(Index, "circle", lambda *_: frozenset())


def rule_6_no_members(patch: pytest.MonkeyPatch) -> None:
    """Every alert on a node is a root."""
    patch.setattr(judge, "RULES", tuple(rule for rule in judge.RULES if rule is not judge.member))


def rule_6_mildest_face(patch: pytest.MonkeyPatch) -> None:
    """The face of an incident is its least severe alert."""

    def rank(place: Place, episode: Episode) -> None:
        place.ranking.append((episode.traits.level, episode.onset, episode.labels, episode))
        place.ranking.sort()

    patch.setattr(settle, "rank", rank)
    patch.setattr(intake, "rank", rank)
    patch.setattr(judge, "outranks", lambda one, other: one.traits.level < other.traits.level)


def rule_7_no_hold(patch: pytest.MonkeyPatch) -> None:
    """A new alert is told at once."""
    patch.setattr(judge, "RULES", tuple(rule for rule in judge.RULES if rule is not judge.held))


def rule_7_newest_survives(patch: pytest.MonkeyPatch) -> None:
    """Of two told incidents the newer one goes on."""
    real = incidents.merge

    def merge(state: State, place: Place, case: Case, into: Place | None) -> None:
        other = into.incident if into is not None else None
        if other is None:
            real(state, place, case, into)
            return
        case.opened_at, other.opened_at = other.opened_at, case.opened_at
        real(state, place, case, into)
        case.opened_at, other.opened_at = other.opened_at, case.opened_at

    patch.setattr(incidents, "merge", merge)


def rule_8_newer_explains_older(patch: pytest.MonkeyPatch) -> None:
    """A cause explains whatever began before it."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        found = real(cause, symptom, view)
        able = cause.traits.suppressor and cause.traits.level >= symptom.traits.level and not cause.ended_at
        return found or (Code.BELOW_ROOT if able and symptom.onset < cause.onset else None)

    patch.setattr(judge, "explains", explains)


def rule_9_hidden_for_ever(patch: pytest.MonkeyPatch) -> None:
    """What a root explained stays hidden after it is gone."""
    patch.setattr(settle, "release", lambda _state, _episode, _place, heir: None)
    patch.setattr(engine.Engine, "_settled", lambda *_: None)


def rule_9_old_onset(patch: pytest.MonkeyPatch) -> None:
    """What is judged afresh keeps its old onset."""
    patch.setattr(engine, "explanation", lambda *_: "found")


def rule_9_no_settle(patch: pytest.MonkeyPatch) -> None:
    """A root that ended explains nothing any more, at once."""
    real = judge.explains

    def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
        return None if cause.ended_at else real(cause, symptom, view)

    patch.setattr(judge, "explains", explains)


def rule_10_a_new_graph_forgets(patch: pytest.MonkeyPatch) -> None:
    """When the topology changes, explanations go with the edges."""
    patch.setattr(judge, "still_stands", lambda *_: False)


def rule_11_suppressed_all_the_same(patch: pytest.MonkeyPatch) -> None:
    """What never is to be suppressed is suppressed like any other."""
    patch.setattr(judge, "RULES", tuple(hides if rule is judge.suppressed else rule for rule in judge.RULES))


def hides(episode: Episode, view: View) -> Verdict | None:
    return judge.explanation(episode, view)


def rule_11_told_ones_explain(patch: pytest.MonkeyPatch) -> None:
    """What is told although another explains it explains others all the same."""
    patch.setattr(judge, "explains", lambda cause, symptom, view: explains_without_links(cause, symptom, view))


def explains_without_links(cause: Episode, symptom: Episode, view: View) -> str | None:
    able = cause.traits.suppressor and cause is not symptom and cause.traits.level >= symptom.traits.level
    return judge.fits_in_time(cause, symptom, view) if able else None


def rule_12_never_reopens(patch: pytest.MonkeyPatch) -> None:
    """An incident that was resolved stays so, whatever fires again."""
    patch.setattr(incidents, "fires_again", lambda *_: False)


def rule_14_waits_on(patch: pytest.MonkeyPatch) -> None:
    """What should be told at the end of its hold is not, as long as something else waits."""
    real = judge.held

    def held(episode: Episode, view: View) -> Verdict | None:
        waiting = any(one.status == Status.HELD for place in view.places.values() for one in place.unexplained)
        late = waiting and episode.status == Status.HELD
        return real(episode, view) or (Verdict(Status.HELD, None, Code.WAITING_FOR_CAUSE) if late else None)

    patch.setattr(judge, "RULES", tuple(held if rule is judge.held else rule for rule in judge.RULES))


MUTANTS: list[Patch] = [mutant for name, mutant in sorted(globals().items()) if name.startswith("rule_")]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_is_caught(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken rule makes a check of these tests fail; an exception inside the engine would not count."""
    mutant(monkeypatch)
    assert caught() in ("histories.py", "promises.py")


def test_storms_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 13 without its count makes the check of storms fail."""
    monkeypatch.setattr(storms, "opened", lambda *_: None)
    with pytest.raises(AssertionError):
        test_storms.test_so_many_roots_are_a_storm()
