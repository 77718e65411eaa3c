"""What a record does to episodes: they begin, are refreshed, end, begin again. What changed is marked dirty, not judged."""

from healer.alerts.model import Alert, relays
from healer.convergence import flapping
from healer.convergence.episode import Code, Episode, Status
from healer.convergence.onset import first_known, think_again
from healer.convergence.quiet import mark
from healer.convergence.settle import rank, refresh_face
from healer.convergence.state import State
from healer.convergence.timers import Kind
from healer.times import SECOND, Micros

MAX_AHEAD: Micros = 60 * SECOND
"""An event further in the future than this counts as happening now: a sender's clock is wrong."""


def deliver(state: State, sender: str, alerts: tuple[Alert, ...], position: int, at: Micros) -> None:
    """Alerts of one request, in order."""
    episodes, over = state.episodes, state.people.over
    for index, alert in enumerate(alerts):
        episode = episodes.get(alert.labels)
        begins = alert.firing and (episode is None or episode.ended_at)
        if over and begins and state.people.is_over(alert.labels, alert.starts_at):
            continue
        if episode is None:
            if begins:
                begin(state, alert, sender, position, index, at)
        elif not alert.firing:
            resolve(state, episode, sender, alert)
        elif episode.ended_at:
            begin_again(state, episode, alert, sender, position, index, at)
        else:
            refresh(state, episode, alert, sender, at)


def begin(state: State, alert: Alert, sender: str, position: int, index: int, at: Micros) -> None:
    """An alert that is not known, or not any more."""
    said, placed_by = state.glance(alert.labels)
    traits = state.traits.read(said, state.topology.explains(placed_by))
    now = state.now
    wall = now + state.away
    starts_at = alert.starts_at if alert.starts_at <= wall + MAX_AHEAD else wall
    expires = now + max(alert.ends_at - at, 0) if alert.ends_at else 0
    state.seq += 1
    episode = Episode(
        state.seq,
        alert.labels,
        traits,
        state.topology.place(placed_by),
        sender,
        starts_at,
        starts_at - traits.ahead if traits.ahead else starts_at,
        now + traits.hold,
        position,
        index,
        now,
        expires,
        expires,
    )
    if state.lasting:
        episode.onset = first_known(state, episode)
    state.episodes[alert.labels] = episode
    if state.changes and flapping.remembers(state, alert.labels):
        flapping.changed(state, episode)
    state.firing += 1
    state.track(episode)
    if expires:
        state.timers.set(expires, Kind.EXPIRE, episode)
    if state.words.all:
        mark(state, episode)
    state.dirty[episode] = None


def refresh(state: State, episode: Episode, alert: Alert, sender: str, at: Micros) -> None:
    """An equal copy only refreshes; one that began earlier moves the beginning; another sender holds it too."""
    expires = state.now + max(alert.ends_at - at, 0) if alert.ends_at else 0
    if sender == episode.sender:
        if expires or episode.expires:
            set_expiry(state, episode, expires)
    else:
        state.co_holders.setdefault(episode, {})[sender] = expires
        if expires:
            wake(state, episode, expires)
    if episode in state.contested:
        confirm(state, episode)
    if alert.starts_at < episode.starts_at:
        episode.starts_at = alert.starts_at
        if episode.place is not None:
            state.touched[episode.place] = None
        think_again(state, episode)


def begin_again(
    state: State, episode: Episode, alert: Alert, sender: str, position: int, index: int, at: Micros
) -> None:
    """It fires again within `settle`. A copy of the very interval that ended is contested until something confirms it."""
    contested = alert.starts_at <= episode.starts_at
    ended_by_sender = episode.resolution == "sent"
    ended_at = episode.ended_at
    episode.ended_at, episode.resolution = 0, ""
    episode.sender, episode.position, episode.index = sender, position, index
    episode.held_until = state.now + episode.traits.hold
    episode.expires = 0
    state.firing += 1
    episode.untold_since = state.now
    if not contested:
        episode.judged_afresh = False
        episode.spoken_at = 0
        episode.starts_at = alert.starts_at if alert.starts_at <= state.wall + MAX_AHEAD else state.wall
        episode.active_at = 0
        episode.onset = first_known(state, episode)
    elif ended_by_sender:
        state.contested[episode] = ended_at + state.settings.settle
        state.timers.set(ended_at + state.settings.settle, Kind.HOLD, episode)
    if episode.place is not None and episode.traits.suppressor:
        # Contested or not: a hard cause that fires explains what began after its end, too.
        state.mark_below(episode.node)
    if alert.ends_at:
        set_expiry(state, episode, state.now + max(alert.ends_at - at, 0))
    place = episode.place
    if place is not None:
        place.firing += 1
        place.ended -= 1
        state.touched[place] = None
    elif episode.by is not None:
        if episode.by.place is not None:
            episode.by.place.suppressed += 1
            episode.by.place.ended -= 1
            state.touched[episode.by.place] = None
        else:
            episode.by = None
    episode.status = Status.NEW
    flapping.changed(state, episode)
    rejoin(state, episode)


def rejoin(state: State, episode: Episode) -> None:
    """Let an episode that fires again compete for its place's face, and be judged."""
    from_place = episode.place
    if from_place is not None:
        rank(from_place, episode)
        refresh_face(state, from_place)
    state.dirty[episode] = None


def resolve(state: State, episode: Episode, sender: str, alert: Alert) -> None:
    """A sender says it ended. It fires on while another holds it; news older than the episode is no news.

    A relay does not outvote a source: it repeats what it was told, and a silence keeps it from telling the end.
    """
    if alert.ends_at and alert.ends_at < episode.starts_at:
        return
    others = state.co_holders.get(episode)
    if not others:
        if sender == episode.sender or (relays(episode.sender) and not relays(sender)):
            if episode.ended_at:
                vouch(state, episode)
            else:
                end(state, episode, "sent")
        return
    left = {
        one: until
        for one, until in ((episode.sender, episode.expires), *others.items())
        if one != sender and (relays(sender) or not relays(one))
    }
    if not left:
        end(state, episode, "sent")
        return
    if episode.sender in left:
        del left[episode.sender]
    else:
        episode.sender, episode.expires = left.popitem()
    if left:
        state.co_holders[episode] = left
    else:
        state.co_holders.pop(episode, None)


def end(state: State, episode: Episode, resolution: str) -> None:
    """The episode is over; for `settle` it still explains, and may fire again."""
    if episode.ended_at:
        return
    episode.ended_at, episode.resolution = state.now, resolution
    episode.status, episode.code = Status.RESOLVED, Code.ENDED
    state.firing -= 1
    state.contested.pop(episode, None)
    state.co_holders.pop(episode, None)
    state.dirty.pop(episode, None)
    if state.kept:
        state.kept.pop(episode, None)
    place = episode.place
    if place is not None:
        place.firing -= 1
        place.ended += 1
        refresh_face(state, place)
        state.touched[place] = None
    elif episode.by is not None and episode.by.place is not None:
        episode.by.place.suppressed -= 1
        episode.by.place.ended += 1
        state.touched[episode.by.place] = None
    flapping.changed(state, episode)
    state.timers.set(state.now + state.settings.settle, Kind.SETTLE, episode)


def vouch(state: State, episode: Episode) -> None:
    """Its sender says late that it ended, when it had seemed to have merely fallen silent."""
    if episode.resolution not in ("expired", "vanished"):
        return
    episode.resolution = "sent"
    case = episode.place.incident if episode.place is not None else None
    if case is not None and case.face is episode and case.status == "resolved":
        case.resolution = "sent"
        state.note(case, "converge", "resolved", resolution="sent")
        state.changed[case] = None


def expire(state: State, episode: Episode) -> None:
    """A lifetime ran out, unless it was renewed since this timer was set, or somebody else holds the alert."""
    now = state.now
    if not episode.wakes or episode.wakes > now:
        return
    episode.wakes = 0
    if episode.ended_at:
        return
    others = state.co_holders.get(episode, {})
    for sender in [sender for sender, until in others.items() if until and until <= now]:
        del others[sender]
    if episode.expires and episode.expires <= now:
        if not others:
            end(state, episode, "expired")
            return
        episode.sender, episode.expires = others.popitem()
    for until in (episode.expires, *others.values()):
        if until:
            wake(state, episode, until)
    if not others:
        state.co_holders.pop(episode, None)


def set_expiry(state: State, episode: Episode, expires: Micros) -> None:
    """Set the lifetime. A timer that is set already for an earlier instant looks again when it fires."""
    episode.expires = expires
    if expires:
        wake(state, episode, expires)


def wake(state: State, episode: Episode, due: Micros) -> None:
    """Look at its lifetimes at `due`, or earlier: of an alert that is refreshed for ever, one timer is set at a time."""
    if not episode.wakes or due < episode.wakes:
        episode.wakes = due
        state.timers.set(due, Kind.EXPIRE, episode)


def confirm(state: State, episode: Episode) -> None:
    """A contested episode really fires again: it counts, and may be its place's face."""
    del state.contested[episode]
    rejoin(state, episode)
    place = episode.by.place if episode.by is not None else episode.place
    if place is not None:
        state.touched[place] = None
