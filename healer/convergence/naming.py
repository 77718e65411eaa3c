"""Which alert is an incident named after, and which other nodes could be the cause? Called by `incidents` as it grows.

What is down with nothing above it that explains it is the root, whatever any score says (`direct`). Where all is merely
degraded, the best candidate is named (`ranked`), also when the rules put its alert beneath another one: on call graphs a
cause often sits below what its callers measure. The rules alone say who is suppressed; this says whom to look at first.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

import msgspec

from healer.convergence.candidates import MAX_CANDIDATES, Scored, rank
from healer.convergence.episode import Case, Episode, Place
from healer.convergence.evidence import Class, Clue, class_of
from healer.convergence.history import series_of
from healer.convergence.judge import alternatives, outranks
from healer.convergence.onset import known_from
from healer.convergence.outcome import Candidate, How, Naming, Root
from healer.convergence.state import State

MAX_EVIDENCE = 500
"""Alerts of one incident that are weighed."""
SEVERAL = 3
"""So many of the things beneath a node have to fail together for it to be suspected."""
MAX_ALTERNATIVES = 3
"""Roots of other incidents that are shown among the candidates."""
GROWTH = 4
"""An incident is weighed again when it has a quarter more alerts (twice as many where its root is down, which no score changes),
so that weighing costs every alert the same."""


def places_of(case: Case) -> Iterator[Place]:
    """Where the alerts of an incident sit that nothing explains: its own place, and those that joined it."""
    yield case.place
    yield from case.sides


def is_down(episode: Episode) -> bool:
    """Whether it says that something is down, not degraded: by the setting `hard`, or by the words of its name."""
    return episode.traits.hard or class_of(episode.traits.name) == Class.DOWN


def consider(state: State, case: Case, *, again: bool = False) -> bool:
    """Name the root anew where people spoke, or where noticeably more is known than the last time: then it is weighed again.

    `again`: it is weighed however little changed.
    """
    people, face, was = case.people, case.face, case.naming
    if people.blamed_by or people.confirmed_by:
        if was.how != "person":
            case.naming = Naming("person", was.root if people.confirmed_by else None, was.candidates, was.weigh_at)
        return False
    total = sum(place.firing + place.suppressed + place.ended for place in places_of(case))
    known = was.weigh_at == 2 if total == 1 else not again  # alone as it was, or with others, of whom little is new
    if total < was.weigh_at and was.face == face.labels and known:
        return False
    weigh_at = total + max(total if is_down(face) else total // GROWTH, 1)
    if face.node < 0:
        case.naming = Naming("unmapped", None, (), weigh_at, face.labels)
        return False
    evidence = gather(case)
    direct = any(is_down(one) for one in evidence)
    scored = weigh(state, evidence, face.node)
    several = direct and any(suspected(state, case, side) for side in case.sides)
    if direct:
        over = {node for node, hops in state.above(face.node) if hops == 1}
        scored.sort(key=lambda one: (one.node != face.node, not (one.silent and (several or one.node in over))))
        scored = crowned(scored)
    elif over := over_several(state, case):
        scored[1:] = sorted(scored[1:], key=lambda one: not (one.silent and one.node in over))
    best = faces(evidence)
    root = best.get(scored[0].node) if scored and not direct else None
    if root is not None and root.node == face.node:
        root = None
    candidates = [candidate(state, one, best.get(one.node)) for one in scored]
    candidates = with_alternatives(candidates, alternatives_of(state, case, evidence))
    how: How = "silent" if several else "direct" if direct else "ranked"
    case.naming = Naming(how, root_of(state, root) if root else None, tuple(candidates), weigh_at, face.labels)
    if node_of(state, case) != (was.root.node if was.root is not None else state.node_name(face.node)):
        named = root or face
        state.note(case, "converge", "named", alertname=named.traits.name, node=state.node_name(named.node))
    return True


def alternatives_of(state: State, case: Case, evidence: list[Episode]) -> list[Candidate]:
    """Rule 3: roots elsewhere that would explain alerts of this incident as well, those of most alerts first."""
    counts: Counter[Episode] = Counter()
    here, explained = set(places_of(case)), [one for one in evidence if one.by is not None and not one.ended_at]
    nodes = {node for node in {one.node for one in explained} if may_have_others(state, node, here)}
    for one in explained:
        if one.node in nodes:
            counts.update(other for other in alternatives(one, state) if other.place not in here)
    first = sorted(counts, key=lambda one: (-counts[one], -one.traits.level, one.onset, one.labels))[:MAX_ALTERNATIVES]
    why = "would explain {} of the {} alerts explained here, were it not for a better root"
    return [
        Candidate(state.node_name(one.node), one.labels, 0, (why.format(counts[one], len(explained)),)) for one in first
    ]


def may_have_others(state: State, node: int, here: set[Place]) -> bool:
    """Whether something above a node, or put there by people, could explain it besides what does. Cheaper than to judge it."""
    above = (state.places.get(ancestor) for ancestor, _ in state.above(node))
    return bool(state.people.who) or any(place is not None and place not in here for place in above)


def with_alternatives(candidates: list[Candidate], others: list[Candidate]) -> list[Candidate]:
    """The best alternative comes second, the rest last; each node once."""
    nodes = {one.node for one in others}
    kept = [one for at, one in enumerate(candidates) if not at or one.node not in nodes]
    others = [one for one in others if not kept or one.node != kept[0].node]
    if not kept or not others:
        return kept
    score = kept[1].score if len(kept) > 1 else 0
    second, *rest = (msgspec.structs.replace(one, score=score) for one in others)
    return [kept[0], second, *kept[1:], *rest][:MAX_CANDIDATES]


def suspected(state: State, case: Case, side: Place) -> bool:
    """Whether what is down there hangs on a node without an alert on which the incident's face hangs too."""
    if side.face is None or not is_down(side.face):
        return False
    over = {node for node, hops in state.above(case.face.node) if hops == 1 and node not in state.at_node}
    return any(node in over for node, hops in state.above(side.face.node) if hops == 1)


def over_several(state: State, case: Case) -> set[int]:
    """Nodes that lie directly above several roots of one incident: that they fail together makes those suspects."""
    roots = [place.face.node for place in places_of(case) if place.face is not None]
    if len(roots) < SEVERAL:
        return set()
    above = Counter(node for root in roots for node, hops in state.above(root) if hops == 1)
    return {node for node, count in above.items() if count >= SEVERAL}


def crowned(scored: list[Scored]) -> list[Scored]:
    """What is known directly wins over any score: it has none below the others'."""
    first, *others = scored
    best = max((one.score for one in others), default=first.score)
    return [msgspec.structs.replace(first, score=max(first.score, best)), *others]


def node_of(state: State, case: Case) -> str:
    """The node that an incident is named after."""
    return case.naming.root.node if case.naming.root is not None else state.node_name(case.face.node)


def gather(case: Case) -> list[Episode]:
    """The alerts of an incident that sit on a node, what nothing explains first."""
    roots = chain.from_iterable(place.unexplained for place in places_of(case))
    beneath = (
        one for place in places_of(case) for one in place.explained if one.by is not None and one.by.place is place
    )
    past = chain.from_iterable(place.past for place in places_of(case))
    some = islice(dict.fromkeys(chain(roots, beneath, past)), MAX_EVIDENCE)
    return [one for one in some if one.node >= 0 and not one.traits.ignored]


def weigh(state: State, evidence: list[Episode], face: int) -> list[Scored]:
    """The candidates, best first, `face` (a node) among them. Alerts of one series count once, from their first onset."""
    first: dict[tuple[int, str, int], Episode] = {}
    for one in evidence:
        key = (one.node, one.traits.name, one.traits.level)
        if key not in first or one.onset < first[key].onset:
            first[key] = one
    history, name = state.history, state.node_name
    clues = [
        Clue(node, alert, level, one.onset, history.rarity(series_of(name(node), alert, one.traits.severity)))
        for (node, alert, level), one in first.items()
    ]
    settings = state.settings
    return rank(clues, state.topology, settings.window, settings.slack, always=face, changed=state.changed_before)


def faces(evidence: list[Episode]) -> dict[int, Episode]:
    """The alert by which people know each node: one that fires, the most severe of them."""
    best: dict[int, Episode] = {}
    for one in evidence:
        there = best.get(one.node)
        over, was_over = one.ended_at > 0, there is not None and there.ended_at > 0
        if there is None or over < was_over or (over == was_over and outranks(one, there)):
            best[one.node] = one
    return best


def candidate(state: State, scored: Scored, face: Episode | None) -> Candidate:
    return Candidate(state.node_name(scored.node), face.labels if face is not None else b"", scored.score, scored.why)


def root_of(state: State, face: Episode) -> Root:
    """An alert as the root that people read."""
    node = state.node_name(face.node)
    above = state.above(face.node) if node else ()
    return Root(
        labels=face.labels,
        name=face.traits.name,
        node=node,
        beneath=state.node_name(above[-1][0]) if above else "",
        severity=face.traits.severity,
        hard=face.traits.hard,
        starts_at=face.starts_at,
        onset=face.onset,
        onset_from=known_from(face),
    )


def learn(state: State, case: Case) -> None:
    """An incident is over: remember which series of alerts came with it, and which sat on the node that it was named after."""
    named = node_of(state, case)
    causes: list[int] = []
    symptoms: list[int] = []
    for one in gather(case):
        node = state.node_name(one.node)
        (causes if node == named else symptoms).append(series_of(node, one.traits.name, one.traits.severity))
    if causes or symptoms:
        state.history.learn(symptoms, causes)
