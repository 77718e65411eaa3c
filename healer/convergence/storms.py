"""Do so many new roots open at once that people cannot be told of each? Called by `incidents` and `engine`.

Roots count, not alerts: one switch with ten thousand children is convergence at work, and no storm.
"""

from collections import deque

from healer.convergence.episode import Case
from healer.convergence.outcome import Storm
from healer.convergence.state import TURN, State
from healer.convergence.timers import Kind
from healer.times import SECOND, Micros

LOOK: Micros = 10 * SECOND
"""Between two looks whether a storm is over."""


def opened(state: State, case: Case) -> None:
    """Rule 13: `roots` of these within `within` are a storm."""
    limits, now = state.settings.storm, state.now
    openings = state.openings
    openings.append(now)
    while openings[0] <= now - max(limits.calm_within, limits.within):
        openings.popleft()
    if state.storm is not None:
        state.storm = Storm(state.storm.since, state.storm.opened + 1)
    elif _within(openings, now - limits.within) >= limits.roots:
        state.storm = Storm(state.wall, _within(openings, now - limits.within))
        state.timers.set(now + LOOK, Kind.STORM, TURN)
    case.in_storm = state.storm is not None


def look(state: State) -> None:
    """It ends when fewer than half the limit opened within `calm_within`; what is open of its incidents loses the mark."""
    if state.storm is None:
        return
    limits = state.settings.storm
    if 2 * _within(state.openings, state.now - limits.calm_within) >= limits.roots:
        state.timers.set(state.now + LOOK, Kind.STORM, TURN)
        return
    state.storm = None
    for case in state.cases.values():
        if case.in_storm and case.status == "open":
            case.in_storm = False
            state.changed[case] = None


def _within(openings: deque[Micros], since: Micros) -> int:
    count = 0
    for at in reversed(openings):
        if at <= since:
            break
        count += 1
    return count
