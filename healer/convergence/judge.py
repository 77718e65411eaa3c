"""The one place that gives an alert its status: an ordered list of small rules, the first that fits decides.

A rule takes an episode and a view of the engine's state and answers with a verdict, or None when it does not apply. The
numbers are those of docs/convergence.md.
"""

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence, Sized
from typing import Protocol

import msgspec

from healer.convergence.episode import Code, Episode, Place, Status
from healer.convergence.outcome import AlertStatus
from healer.convergence.people import People
from healer.convergence.settings import Convergence
from healer.times import Micros


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """A status, the episode that explains (rules 1 to 3), the reason, and how many hops lie between.

    `beside` is what would explain an alert that is told all the same.
    """

    status: AlertStatus
    by: Episode | None
    code: str
    distance: int = 0
    beside: Episode | None = None


class View(Protocol):
    """What the rules may look at."""

    now: Micros
    away: Micros
    settings: Convergence

    @property
    def places(self) -> Mapping[int | tuple[str, ...], Place]: ...

    @property
    def episodes(self) -> Mapping[bytes, Episode]: ...

    @property
    def people(self) -> People: ...

    @property
    def contested(self) -> Mapping[Episode, Micros]: ...

    def above(self, node: int) -> Sequence[tuple[int, int]]:
        """The ancestors of a node with their distance, nearest first."""
        ...

    @property
    def beside(self) -> Mapping[Episode, Episode]:
        """What would explain alerts that are told all the same."""
        ...

    @property
    def flapping(self) -> Mapping[bytes, Micros]:
        """Until when alerts are flapping, by their labels."""
        ...

    @property
    def kept(self) -> Mapping[Episode, Episode]:
        """What explained alerts before the topology or the settings changed, and would not any more."""
        ...

    @property
    def groups(self) -> Sized:
        """The nodes whose parents stand in for one another; empty in most topologies."""
        ...

    def circle(self, node: int) -> Container[int]:
        """The nodes that depend on one another with this one, itself among them; empty when it is in no circle."""
        ...

    def reaching(self, node: int, failed: Collection[int]) -> Container[int]:
        """Which of the failed ancestors get through to a node."""
        ...

    @property
    def silenced_by(self) -> Container[Episode]:
        """Alerts that a silence or maintenance concerns."""
        ...

    def place_of(self, episode: Episode) -> Place | None:
        """Where the episode sits, or would sit, unexplained."""
        ...

    def node_name(self, node: int) -> str: ...


Rule = Callable[[Episode, View], Verdict | None]


def judge(episode: Episode, view: View) -> Verdict:
    """The status of a firing episode."""
    for rule in RULES:
        verdict = rule(episode, view)
        if verdict is not None:
            if verdict.by is None and (
                # Told in any case, or because it was untold for too long: what explains it is shown beside it.
                episode.traits.always_told or view.now - episode.untold_since >= view.settings.max_untold
            ):
                found = explanation(episode, view)
                if found is not None or episode.traits.always_told:
                    return msgspec.structs.replace(verdict, beside=found.by if found else None)
            return verdict
    raise AssertionError("the last rule always fits")


def silenced(episode: Episode, view: View) -> Verdict | None:
    """A person's word, or a severity the settings ignore; it still explains others (rule 2) unless it is explained."""
    if episode.traits.ignored:
        code = Code.IGNORED_SEVERITY
    elif episode in view.silenced_by:
        code = Code.SILENCE
    else:
        return None
    found = explanation(episode, view)
    return Verdict(Status.SILENCED, found.by if found else None, code, found.distance if found else 0)


def spoken_for(episode: Episode, view: View) -> Verdict | None:
    """A person's word on where it belongs wins over the rules: beneath another alert, or beneath nothing."""
    people = view.people
    if not people.who:
        return None
    cause = people.cause_of(episode, view)
    if cause is not None:
        return Verdict(Status.SUPPRESSED, cause, Code.PERSON_SAID)
    if not people.alone(episode) or episode in view.contested:
        return None
    code = Code.PERSON_SPLIT if episode.labels in people.apart else Code.PERSON_NAMED
    return member(episode, view) or Verdict(Status.ROOT, None, code)


def suppressed(episode: Episode, view: View) -> Verdict | None:
    """Rules 1, 2, 3 and 8, and promise A2's `max_untold`; never what `never_suppress` matches."""
    if episode.traits.always_told:
        return None
    found = explanation(episode, view)
    if found is None or view.now - episode.untold_since < view.settings.max_untold:
        return found
    return None if comes_too_late(episode, found, view) else found


def comes_too_late(episode: Episode, found: Verdict, view: View) -> bool:
    """Whether what explained an alert that is untold for `max_untold` ended, and what is to follow began to fire after it.

    An explanation that moves upwards while the earlier cause still fires is the same story, however late. What was told
    because of this stays told, also as a member, for as long as something would explain it.
    """
    cause, before = found.by, episode.by
    assert cause is not None
    if cause is before or cause.held_until - cause.traits.hold <= episode.untold_since:
        return False
    if before is not None:
        return bool(before.ended_at)
    if episode.status == Status.MEMBER:
        return episode in view.beside
    return episode.code == Code.UNTOLD_TOO_LONG or episode.code == Code.NOT_JUDGED


def member(episode: Episode, view: View) -> Verdict | None:
    """Rule 6: several alerts in the same place are one incident, and the most severe is its face."""
    place = view.place_of(episode)
    if place is None or not place.named or place.face is None or place.face is episode or outranks(episode, place.face):
        return None
    if episode in view.contested:
        return None
    return Verdict(Status.MEMBER, None, Code.SAME_PLACE)


def held(episode: Episode, view: View) -> Verdict | None:
    """Rules 7 and 14: a new alert waits for its cause, at most `hold`; a contested one until it is confirmed."""
    if episode in view.contested:
        return Verdict(Status.HELD, None, Code.CONTESTED)
    place = view.place_of(episode)
    if view.flapping and view.flapping.get(episode.labels, 0) > view.now:
        return None  # it would end before its hold does, again and again
    if view.now >= episode.held_until or (place is not None and place.named):
        return None
    return Verdict(Status.HELD, None, Code.WAITING_FOR_CAUSE)


def root(episode: Episode, view: View) -> Verdict:
    """Whatever nothing else explains is told, and so is what never is suppressed, or is more severe than its cause."""
    if episode.traits.always_told and explanation(episode, view) is not None:
        return Verdict(Status.ROOT, None, Code.NEVER_SUPPRESSED)
    if view.now - episode.untold_since >= view.settings.max_untold and explanation(episode, view) is not None:
        return Verdict(Status.ROOT, None, Code.UNTOLD_TOO_LONG)
    if episode.judged_afresh:
        return Verdict(Status.ROOT, None, Code.ROOT_WENT_AWAY)
    if episode.node < 0:
        return Verdict(Status.ROOT, None, Code.UNMAPPED)
    if episode.traits.always_told:
        return Verdict(
            Status.ROOT, None, Code.NOTHING_ABOVE
        )  # it is told whatever holds, so `beside` is what explains it
    if view.groups and (spared := best(episode, causes(episode, view, explains), view)) is not None:
        return Verdict(Status.ROOT, None, Code.REDUNDANCY_HOLDS, spared.distance, spared.by)
    if (milder := best(episode, causes(episode, view, explains_but_for_severity), view)) is not None:
        return Verdict(Status.ROOT, None, Code.MORE_SEVERE, milder.distance, milder.by)
    return Verdict(Status.ROOT, None, Code.NOTHING_ABOVE)


RULES: tuple[Rule, ...] = (silenced, spoken_for, suppressed, member, held, root)


Explains = Callable[[Episode, Episode, View], str | None]


def explanation(episode: Episode, view: View) -> Verdict | None:
    """Rules 1 to 5: the best unexplained alert on an ancestor that qualifies, fires or fired lately, and fits in time."""
    if view.people.who:
        cause = view.people.cause_of(episode, view)
        if cause is not None or view.people.alone(episode):
            return Verdict(Status.SUPPRESSED, cause, Code.PERSON_SAID) if cause is not None else None
    if view.kept and (cause := view.kept.get(episode)) is not None and still_stands(cause, view):
        return Verdict(Status.SUPPRESSED, cause, Code.KEPT, episode.distance)
    found = causes(episode, view, explains)
    if found and view.groups:
        found = getting_through(episode, found, view)
    return best(episode, found, view)


def alternatives(episode: Episode, view: View) -> list[Episode]:
    """Rule 3: what else would explain an alert that is explained, the next best first. Found when somebody asks."""
    found = causes(episode, view, explains)
    if found and view.groups:
        found = getting_through(episode, found, view)
    found.sort(key=lambda verdict: preference(verdict, episode, view))
    others = dict.fromkeys(verdict.by for verdict in found)
    return [one for one in others if one is not None and one is not episode.by]


def still_stands(cause: Episode, view: View) -> bool:
    """Rule 10: whether what explained an alert before the topology or the settings changed still is a root that fires."""
    if cause.place is None or (cause.traits.always_told and cause in view.beside):
        return False
    return not cause.ended_at or view.now - cause.ended_at < view.settings.settle


def best(episode: Episode, found: list[Verdict], view: View) -> Verdict | None:
    """Rule 3, of those that could explain."""
    if len(found) > 1:
        return min(found, key=lambda verdict: preference(verdict, episode, view))
    return found[0] if found else None


def causes(episode: Episode, view: View, qualifies: Explains) -> list[Verdict]:
    """All unexplained alerts on ancestors that qualify. In a circle only those that come before it (rule 5)."""
    node, places, people = episode.node, view.places, view.people
    found: list[Verdict] = []
    if node < 0 or not places:
        return found
    spoken_of = people.who
    for ancestor, distance in view.above(node):
        place = places.get(ancestor)
        if spoken_of:
            others = in_the_name_of_others(episode, ancestor, distance, view, qualifies)
            found.extend(one for one in others if comes_before(one.by, episode, ancestor, view))
        if place is None:
            continue
        for cause in place.unexplained:
            code = qualifies(cause, episode, view)
            if code is not None and (node not in view.circle(ancestor) or outranks(cause, episode)):
                found.append(Verdict(Status.SUPPRESSED, cause, code, distance))
    return found


def comes_before(cause: Episode | None, symptom: Episode, above: int, view: View) -> bool:
    """Rule 5: in a circle the more severe explains the milder, then the earlier the later; so one of them is the root."""
    return cause is not None and (symptom.node not in view.circle(above) or outranks(cause, symptom))


def getting_through(episode: Episode, found: list[Verdict], view: View) -> list[Verdict]:
    """Rule 4: where parents stand in for one another, only what comes through too few healthy ones explains."""
    failed = {verdict.by.node for verdict in found if verdict.by is not None}
    through = view.reaching(episode.node, failed)
    return [verdict for verdict in found if verdict.by is not None and verdict.by.node in through]


def in_the_name_of_others(
    episode: Episode, ancestor: int, distance: int, view: View, qualifies: "Explains"
) -> Iterator[Verdict]:
    """What people put beneath another alert, or into a group, explains as it did, in the name of its root."""
    here = view.places.get(ancestor)
    for one in view.people.on(ancestor):
        cause = one if one.place is not None else one.by
        if cause is None or cause is episode or cause.place is None or one.place is here is not None:
            continue
        code = qualifies(one, episode, view)
        if code is not None:
            yield Verdict(Status.SUPPRESSED, cause, code, distance)


def preference(verdict: Verdict, symptom: Episode, view: View) -> tuple[int, Micros, int, str, bytes]:
    """Rule 3: of several causes the most severe, then the nearest in time, then in the graph, then by name."""
    cause = verdict.by
    assert cause is not None
    apart = abs(symptom.onset - cause.onset)
    return (-cause.traits.level, apart, verdict.distance, view.node_name(cause.node), cause.labels)


def explains(cause: Episode, symptom: Episode, view: View) -> str | None:
    """Whether an alert on an ancestor explains this one as far as kind and time go, and by which rule."""
    traits = cause.traits
    if not traits.suppressor or cause is symptom or traits.level < symptom.traits.level:
        return None
    if traits.always_told and cause in view.beside:
        return None  # it is explained itself (rule 2), although it is told
    return fits_in_time(cause, symptom, view)


def explains_but_for_severity(cause: Episode, symptom: Episode, view: View) -> str | None:
    """Whether an alert on an ancestor would explain this one, were it as severe."""
    traits = cause.traits
    if not traits.suppressor or traits.level >= symptom.traits.level or (traits.always_told and cause in view.beside):
        return None
    return fits_in_time(cause, symptom, view)


def fits_in_time(cause: Episode, symptom: Episode, view: View) -> str | None:
    """Rule 1 as far as time goes, and by which limit."""
    traits, settings = cause.traits, view.settings
    if cause.ended_at and view.now - cause.ended_at >= settings.settle:
        return None
    later = symptom.onset - cause.onset
    if -settings.slack <= later <= settings.window:
        return Code.BELOW_ROOT
    if later > 0 and traits.hard and (not cause.ended_at or symptom.onset <= cause.ended_at + view.away):
        return Code.BELOW_LONG_LIVED
    if symptom.spoken_at:
        # A silence of it ended: it counts as new since then as well.
        later = symptom.spoken_at - cause.onset
        lasting = traits.hard and (not cause.ended_at or symptom.spoken_at <= cause.ended_at + view.away)
        if -settings.slack <= later <= settings.window or (later > 0 and lasting):
            return Code.BELOW_SINCE_SPOKEN
    return None


def outranks(one: Episode, other: Episode) -> bool:
    """Whether `one` is the better face of an incident: more severe, then earlier; labels break the tie, not arrival."""
    return (-one.traits.level, one.onset, one.labels) < (-other.traits.level, other.onset, other.labels)
