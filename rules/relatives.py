"""What stands around the incident's node, what changed there, and what the calendar says. Used by `rules.evaluation`."""

import msgspec

from rules import expressions as ex
from rules.expressions import Target
from rules.facts import Facts
from rules.finding import See, find_target
from rules.seen import Seen
from rules.units import format_duration
from rules.windows import ask_window


def relatives(item: ex.Relatives, facts: Facts) -> Seen:
    """The ids of the nodes above, or below."""
    if facts.node is None:
        return Seen(None, why=(f"{item.text} is unknown: the incident has no node",))
    if facts.around is None:
        return Seen(None, why=(f"{item.text} is unknown: the topology is not known",))
    look = facts.around.above if item.way == "ancestors" else facts.around.below
    found = tuple(look(facts.node.id, item.kind))
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    return Seen(found, why=(f"{item.text} are {shown}" if found else f"{item.text} are none",))


def alerting(item: ex.Alerting, facts: Facts, see: See) -> Seen:
    """Whether an alert fires on a node; of a list, those on which one does."""
    if facts.around is None:
        return Seen(None, why=(f"{item.text} is unknown: the topology is not known",))
    if isinstance(item.of, Target):
        node, why = find_target(item.of, facts, see)
        if node is None:
            return Seen(None, why=(f"{item.text} is unknown: {why}",))
        fires = facts.around.alerting(node.id)
        return Seen(fires, why=(f"{node.id} {'has a firing alert' if fires else 'has no firing alert'}",))
    listed = relatives(item.of, facts)
    if not isinstance(listed.value, tuple):
        return listed
    found = tuple(node for node in listed.value if facts.around.alerting(node))
    return Seen(found, why=(f"alerts fire on {len(found)} of {len(listed.value)} of them",))


def count(item: ex.Count, listed: Seen) -> Seen:
    """How many there are."""
    if not isinstance(listed.value, tuple):
        return listed
    return msgspec.structs.replace(listed, value=len(listed.value), why=(f"{item.text} is {len(listed.value)}",))


def is_ancestor(item: ex.IsAncestor, facts: Facts, see: See) -> Seen:
    """Whether a fault of the one reaches the other."""
    above, why = find_target(item.above, facts, see)
    below, why_below = find_target(item.below, facts, see)
    if above is None or below is None or facts.around is None:
        missing = why or why_below or "the topology is not known"
        return Seen(None, why=(f"{item.text} is unknown: {missing}",))
    found = above.id in facts.around.above(below.id, None)
    return Seen(found, why=(f"{above.id} {'is' if found else 'is not'} above {below.id}",))


def changed_within(item: ex.ChangedWithin, facts: Facts) -> Seen:
    """Whether the newest change is at most so old; it turns by time alone."""
    if facts.changed_at is None:
        return Seen(None, why=(f"{item.text} is unknown: no change is known",))
    until = facts.changed_at + item.duration
    value = facts.now <= until
    ago = format_duration(max(0, facts.now - facts.changed_at))
    said = f"{item.text} {'holds' if value else 'does not hold'}: {facts.change or 'something'} changed {ago} ago"
    return Seen(value, why=(said,), next_at=until + 1 if value else None)


def in_window(item: ex.InWindow, facts: Facts) -> Seen:
    """Whether the window of the week is open."""
    value, turns = ask_window(item.window, facts.now)
    return Seen(value, why=(f"{item.text} is {'open' if value else 'not open'}",), next_at=turns)


def in_calendar(item: ex.InCalendar, facts: Facts) -> Seen:
    """Whether the calendar has an entry now."""
    entries = facts.calendars.get(item.name)
    if entries is None:
        return Seen(None, why=(f"{item.text} is unknown: it cannot be read",))
    value = any(begins <= facts.now < ends for begins, ends in entries)
    turns = min((edge for pair in entries for edge in pair if edge > facts.now), default=None)
    return Seen(value, why=(f"{item.text} {'has an entry now' if value else 'is free now'}",), next_at=turns)
