"""Why is this alert told, or not? The reason behind a verdict in words that people read. Pure.

Called for the API, the console and `healer why FINGERPRINT`; the engine itself keeps only a code and who explains.
"""

from collections.abc import Callable, Sequence

from healer.alerts.identity import labels_of
from healer.alerts.maintenance import Maintenance, occurrence
from healer.alerts.silences import Silence
from healer.convergence.episode import Code
from healer.convergence.outcome import AlertView, AtWork
from healer.convergence.settings import IGNORE, LEVELS, Convergence
from healer.times import SECOND, Micros, format_duration, format_rfc3339

KINDS_OF_END = {
    "sent": "its sender says that it ended",
    "expired": "no longer reported: its lifetime ran out and nobody renewed it",
    "vanished": "no longer reported: no Alertmanager knows it any more",
    "superseded": "no longer reported: what it was about is gone",
    "person": "a person closed it",
}
"""What each kind of resolution means."""


SHOWN = 3
"""Alternatives that are named; the rest are counted."""


class Why:
    """What there is to say about one alert at one moment."""

    def __init__(
        self,
        view: AlertView,
        by: AlertView | None,
        settings: Convergence,
        now: Micros,
        path: Sequence[str],
        silence: Silence | Maintenance | None,
    ) -> None:
        self.view, self.by, self.settings, self.now, self.path, self.silence = view, by, settings, now, path, silence
        self.labels = labels_of(view.labels)


def explain(
    view: AlertView,
    by: AlertView | None,
    settings: Convergence,
    now: Micros,
    *,
    path: Sequence[str] = (),
    silence: Silence | Maintenance | None = None,
    others: Sequence[AlertView] = (),
) -> list[str]:
    """The reasons, the deciding one first.

    `by` is the alert that `view.by`, or else `view.beside`, names, if there is one; `now` is wall time. `path` are the nodes
    from the alert's own up to its cause's, and `silence` the silence or maintenance that `view.silence` names, where the
    caller knows them. `others` would explain it too, the next best first.
    """
    why = Why(view, by, settings, now, path, silence)
    said = [SENTENCES[view.code](why)]
    if view.status == "silenced" and by is not None:
        said.append(f"were it not silenced, {_name(by)} would explain it")
    if by is not None and by.ended_at and view.status in ("suppressed", "silenced"):
        rest = max(by.ended_at + settings.settle - now, 0)
        settle = format_duration(settings.settle)
        said.append(
            f"{_name(by)} stopped firing; in {_short(rest)} this is judged afresh if it still fires (settle {settle})"
        )
    if path and view.status == "suppressed":
        said.append("over " + " < ".join(path))
    if others and view.status == "suppressed":
        more = f", and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        said.append(
            f"{', '.join(map(_name, others[:SHOWN]))}{more} would explain it too: the most severe does, then the nearest in time"
        )
    if view.flapping:
        within = format_duration(settings.flap.within)
        said.append(
            f"flapping: it changed {settings.flap.changes} times within {within}, so it is told once and nothing is run for it "
            f"until it has been calm for {within} (flap)"
        )
    if note := _severity(why):
        said.append(note)
    if view.onset < view.starts_at:
        known = "when Prometheus first saw it (activeAt)" if view.onset_from == "activeAt" else "the `for` of its rule"
        said.append(f"its onset counts {_short(view.starts_at - view.onset)} before its startsAt, {known}")
    elif view.onset > view.starts_at and view.code != "ROOT_WENT_AWAY":
        said.append(f"its onset counts from {format_rfc3339(view.onset)}, when it was judged afresh")
    return said


def not_judged(_why: Why) -> str:
    return "not judged yet"


def nothing_above(why: Why) -> str:
    settings = why.settings
    window, slack = format_duration(settings.window), format_duration(settings.slack)
    return f"root: nothing above {why.view.node} explains it within window {window} and slack {slack}"


def below_root(why: Why) -> str:
    return f"suppressed: {_cause(why)}, {_apart(why)}"


def below_long_lived(why: Why) -> str:
    return f"suppressed: {_cause(why)}, {_apart(why)}: a long-lived cause, it is down and explains while it fires"


def below_since_spoken(why: Why) -> str:
    ended = format_rfc3339(why.view.spoken_at)
    settings = why.settings
    window, slack = format_duration(settings.window), format_duration(settings.slack)
    return f"suppressed: {_cause(why)}; its silence ended at {ended}, and it counts as new since (window {window}, slack {slack})"


def kept(why: Why) -> str:
    cause = _name(why.by) if why.by is not None else "an alert"
    return f"suppressed: {cause} explained it before the topology or the settings changed, and does so while it fires"


def same_place(why: Why) -> str:
    face = _name(why.by) if why.by is not None else "another alert"
    where = f"on the same node, {why.view.node}" if why.view.node else f"of the same group ({_group(why.settings)})"
    return f"member: it is {where}, and {face} is the face of their incident"


def waiting_for_cause(why: Why) -> str:
    view, hold = why.view, why.settings.hold
    length = hold.critical if view.severity == "critical" else hold.default
    rest = _short(max(view.held_until - why.now, 0))
    return f"held for {rest} more, waiting for a cause (hold {format_duration(length)})"


def contested(why: Why) -> str:
    settle = format_duration(why.settings.settle)
    return f"held: a copy of the interval that just ended; it counts when it is repeated, or {settle} after that end (settle)"


def silenced(why: Why) -> str:
    silence = why.silence
    if silence is None:
        return f"silenced by silence {why.view.silence}"
    if isinstance(silence, Maintenance):
        under_way = occurrence(silence, why.now)
        until = under_way[1] if under_way is not None else silence.ends_at
        work = AtWork(silence.id, silence.created_by, silence.what, until, silence.comment)
        return f"silenced by {work} (maintenance {work.id})"
    who = silence.created_by or silence.source
    comment = f": {silence.comment}" if silence.comment else ""
    return f"silenced by {who} until {format_rfc3339(silence.ends_at)}{comment} (silence {silence.id})"


def ignored_severity(why: Why) -> str:
    said = why.labels.get("severity", "")
    if why.settings.severities.get(said, said) != IGNORE:
        return "never told: it is the heartbeat, which says only that monitoring lives"
    return f"never told: severity {said!r} is one to ignore (severities)"


def root_went_away(why: Why) -> str:
    settle, onset = format_duration(why.settings.settle), format_rfc3339(why.view.onset)
    return f"root: what explained it ended and it did not follow within {settle} (settle); judged afresh as of {onset}"


def untold_too_long(why: Why) -> str:
    limit = format_duration(why.settings.max_untold)
    return f"root: its explanation changed, and by then nobody had heard of it for {limit} (max_untold)"


def never_suppressed(why: Why) -> str:
    cause = _name(why.by) if why.by is not None else "another alert"
    return f"root: {cause} would explain it, but it is told in any case (never_suppress)"


def more_severe(why: Why) -> str:
    cause = f"{_name(why.by)} ({why.by.severity})" if why.by is not None else "a milder alert"
    hops = f"{why.view.distance} hop{'s' if why.view.distance != 1 else ''} up"
    return f"root: {cause}, {hops}, would explain it, but this is more severe ({why.view.severity})"


def person_said(why: Why) -> str:
    cause = _name(why.by) if why.by is not None else "an alert that is forgotten by now"
    return f"suppressed: {why.view.person or 'a person'} says that it comes from {cause}"


def person_named(why: Why) -> str:
    return f"root: {why.view.person or 'a person'} says that it is one"


def person_split(why: Why) -> str:
    return f"root: {why.view.person or 'a person'} took it into an incident of its own, so nothing explains it"


def redundancy_holds(why: Why) -> str:
    cause = _name(why.by) if why.by is not None else "an alert above it"
    return f"root: {cause} would explain it, but redundancy still holds: enough of the parents it needs are healthy"


def unmapped(why: Why) -> str:
    return f"root: it sits on no node of the topology, so nothing explains it; it is grouped by {_group(why.settings)}"


def ended(why: Why) -> str:
    view = why.view
    return f"resolved at {format_rfc3339(view.ended_at)}: {KINDS_OF_END.get(view.resolution, view.resolution)}"


SENTENCES: dict[str, Callable[[Why], str]] = {
    "NOT_JUDGED": not_judged,
    "NOTHING_ABOVE": nothing_above,
    "BELOW_ROOT": below_root,
    "BELOW_LONG_LIVED": below_long_lived,
    "BELOW_SINCE_SPOKEN": below_since_spoken,
    "SAME_PLACE": same_place,
    "WAITING_FOR_CAUSE": waiting_for_cause,
    "CONTESTED": contested,
    "SILENCE": silenced,
    "IGNORED_SEVERITY": ignored_severity,
    "ROOT_WENT_AWAY": root_went_away,
    "UNTOLD_TOO_LONG": untold_too_long,
    "NEVER_SUPPRESSED": never_suppressed,
    "MORE_SEVERE": more_severe,
    "PERSON_SAID": person_said,
    "PERSON_NAMED": person_named,
    "PERSON_SPLIT": person_split,
    "REDUNDANCY_HOLDS": redundancy_holds,
    "KEPT": kept,
    "UNMAPPED": unmapped,
    "ENDED": ended,
}
"""One for each `episode.Code`."""


def _severity(why: Why) -> str:
    """What is to be said of a severity that the settings do not know."""
    said = why.labels.get("severity", "")
    if why.view.code == Code.IGNORED_SEVERITY or why.settings.severities.get(said, said) in (*LEVELS, IGNORE):
        return ""
    unknown = f"its severity {said!r} is not known" if said else "it has no severity"
    return f"{unknown}, so it counts as warning (severities)"


def _cause(why: Why) -> str:
    """Who explains, and how far up. An alert whose cause is forgotten by now still says how far."""
    hops = f"{why.view.distance} hop{'s' if why.view.distance != 1 else ''} up"
    return f"{_name(why.by) if why.by is not None else 'an alert'} explains it, {hops}"


def _apart(why: Why) -> str:
    if why.by is None:
        return "its onset no longer known"
    later = why.view.onset - why.by.onset
    if later == 0:
        return "its onset at the same time"
    if later < 0:
        return f"its onset {_short(-later)} later (slack {format_duration(why.settings.slack)})"
    if later > why.settings.window:
        return f"its onset {_short(later)} earlier"
    return f"its onset {_short(later)} earlier (window {format_duration(why.settings.window)})"


def _name(view: AlertView) -> str:
    name = labels_of(view.labels).get("alertname", "an alert without a name")
    return f"{name} on {view.node}" if view.node else name


def _group(settings: Convergence) -> str:
    return ", ".join(settings.group_by) or "nothing: all of them together"


def _short(duration: Micros) -> str:
    """To the second, where it is that long: nobody reads the rest."""
    return format_duration(duration - duration % SECOND if duration >= SECOND else duration)
