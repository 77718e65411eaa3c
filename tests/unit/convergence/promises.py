"""A2 and A3 as checks of what an engine says: statuses, holds, counts, partition."""

from collections.abc import Mapping

from healer.convergence.beside import incident_beside
from healer.convergence.judge import judge
from healer.times import Micros
from tests.unit.convergence.histories import SHORT, Telling
from tests.unit.convergence.oracle import groups
from tests.unit.convergence.world import Graph, World


def check_statuses(world: World, arrived: Mapping[str, Micros] | None = None) -> None:
    """A2: one status each; what is suppressed names what fires or ended less than `settle` ago; `held` is short."""
    engine = world.engine
    for view in engine.alerts():
        if view.ended_at:
            assert view.status == "resolved"
            continue
        assert view.status in ("silenced", "suppressed", "member", "held", "root")
        if view.status == "suppressed":
            by = engine.alert(view.by)
            assert by is not None, f"{view.labels!r} is suppressed by an alert that is forgotten"
            assert not by.ended_at or engine.now - by.ended_at < SHORT.settle
        elif view.status == "member":
            face = engine.alert(view.by)
            assert face is not None
            assert (face.status, face.node, face.incident) == ("root", view.node, view.incident)
        elif view.status == "held" and view.code != "CONTESTED":
            hold = SHORT.hold.critical if view.severity == "critical" else SHORT.hold.default
            assert engine.now < view.held_until <= engine.now + hold
            assert arrived is None or view.held_until == arrived[view.labels.decode()] + hold


def check_incidents(world: World) -> None:
    """A2: what is told has an open incident whose numbers are those of its alerts; what is over has none."""
    views, joins = list(world.engine.alerts()), world.engine.state.settings.join
    status = {view.labels: view.status for view in views}
    contested = {episode.labels for episode in world.engine.state.contested}
    for view in views:
        if view.status in ("root", "member"):
            told = world.incidents.get(view.incident)
            assert told is not None, f"{view.labels!r} is told in no incident"
            assert told.status == "open", f"{view.labels!r} is told in no open incident"
    for incident in world.incidents.values():
        inside = [view for view in views if view.incident == incident.id and not view.ended_at]
        if incident.status == "open":
            assert incident.firing == len(inside)
            assert inside or incident.flapping, "an incident of nothing is open"
            assert incident.suppressed == sum(view.by != b"" and view.status != "member" for view in inside)
            assert incident.total >= incident.firing
            waited = incident.opened_at >= incident.began_at + SHORT.hold.critical
            assert waited or incident.id in world.flapped, "told before its hold ran out"
            roots = [view for view in inside if view.status == "root"]
            assert len(roots) <= 1 or joins
            assert not roots or joins or roots[0].labels == incident.root.labels
            case = world.engine.state.cases[incident.id]
            beside = incident_beside(world.engine.state, case.place, case.face)
            assert incident.beside == beside, "it is shown beside what is no incident any more"
        elif incident.status == "resolved":
            assert all(view.labels in contested or "silenced" in (view.status, status.get(view.by)) for view in inside)
        else:
            assert not inside
            survivor = world.incidents[incident.merged_into]
            assert survivor.opened_at <= incident.opened_at, "the oldest told incident survives"


def check_fixed_point(world: World) -> None:
    """Nothing missed a mark: whatever fires, judged again, is judged the same, for the same reason.

    What depends on history is remembered, and part of what is judged: an explanation that stays while its root fires
    (rule 10), and that an alert was told because it was untold for too long.
    """
    state = world.engine.state
    for episode in state.episodes.values():
        if not episode.ended_at:
            verdict = judge(episode, state)
            assert (episode.status, episode.code, episode.by) == (verdict.status, verdict.code, verdict.by), (
                episode,
                verdict,
            )
            assert state.beside.get(episode) is verdict.beside, episode
            assert not episode.by or episode.distance == verdict.distance, episode


def check_kept(world: World) -> None:
    """Rule 10: where the topology falls apart, what is explained stays with its root for as long as that fires."""
    engine = world.engine
    firing = {view.labels for view in engine.alerts() if not view.ended_at}
    before = {view.labels: view.by for view in engine.alerts() if view.status == "suppressed" and view.by in firing}
    engine.adopt(SHORT, Graph([], world.graph.names))
    world.take()
    after = {view.labels: view.by for view in engine.alerts() if view.status == "suppressed"}
    assert before.items() <= after.items(), "an explanation once given went, though its root fires"
    check_incidents(world)


def partition(world: World) -> dict[frozenset[bytes], tuple[bytes, bytes, str]]:
    """How what fires falls into incidents; of each the root by the rules, what it is named after, and how that was found."""
    parts: dict[str, set[bytes]] = {}
    for view in world.engine.alerts():
        if not view.ended_at:
            parts.setdefault(view.incident, set()).add(view.labels)
    told = {frozenset(labels): world.incidents[id] for id, labels in parts.items()}
    return {labels: (one.root.labels, (one.named or one.root).labels, one.how) for labels, one in told.items()}


def check_partition(telling: Telling) -> None:
    """A3: long after the last arrival, incidents are the groups that the oracle draws, named by their most severe alert."""
    engine, faults = telling.world.engine, telling.oracle.faults
    parts: dict[str, set[str]] = {}
    for view in engine.alerts():
        if not view.ended_at:
            assert view.status in ("suppressed", "member", "root"), f"{view.labels!r} is still {view.status}"
            parts.setdefault(view.incident, set()).add(view.labels.decode())
    assert {frozenset(keys) for keys in parts.values()} == groups(faults.values())
    for id, keys in parts.items():
        unexplained = [faults[key] for key in keys if faults[key].told]
        worst = max(unexplained, key=lambda fault: ("warning", "error", "critical").index(fault.severity))
        assert telling.world.incidents[id].severity == worst.severity
