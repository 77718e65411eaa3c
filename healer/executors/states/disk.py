"""How full a filesystem is: `df --block-size=1 --output=target,size,avail,pcent PATH`.

With the parameter `below` a filesystem that is used less than that is left alone.
"""

from typing import NamedTuple

from healer.executors.states.reading import Change, Given, Proof, shown_size
from healer.executors.target import Seen

PATIENCE = 0


class Room(NamedTuple):
    """Bytes of one filesystem; `used` is the ratio that df shows, which leaves root's reserve out."""

    target: str
    size: int
    available: int
    used: float


def preview(seen: Seen, given: Given) -> Change:
    room = read(seen.output)
    if room is None:
        return Change(
            f"df answers with exit code {seen.exit_code}", "more room", "impossible" if seen.exit_code else "change"
        )
    below = given.get("below")
    if isinstance(below, int | float) and room.used < below:
        return Change(f"{_in_words(room)}, which is below {below:.0%}", verdict="nothing")
    return Change(_in_words(room), f"below {below:.0%} used" if isinstance(below, int | float) else "more room")


def told(seen: Seen) -> float | None:
    """The ratio that is used."""
    room = read(seen.output)
    return room.used if room is not None and not seen.exit_code else None


def took_effect(before: str, after: Seen, _given: Given) -> Proof:
    """More is free than before. Where it is not, others may have written meanwhile, so that proves nothing."""
    was, now = read(before), read(after.output)
    if was is None or now is None:
        return Proof(None, "")
    freed = now.available - was.available
    if freed > 0:
        return Proof(True, f"{shown_size(freed)} freed: {_in_words(was)} before, {round(now.used * 100)}% now")
    return Proof(None, f"nothing was freed: {_in_words(now)}")


def read(output: str) -> Room | None:
    """The last line of df; None where it is not df's."""
    words = output.strip().rpartition("\n")[2].split()
    if len(words) < 4 or not all(word.isdecimal() for word in words[-3:-1]) or not words[-1][:-1].isdecimal():
        return None
    # A mount point may hold spaces; the three numbers behind it do not.
    target = " ".join(words[:-3])
    return Room(target, int(words[-3]), int(words[-2]), int(words[-1].removesuffix("%")) / 100)


def _in_words(room: Room) -> str:
    return (
        f"{room.target} is {round(room.used * 100)}% used, {shown_size(room.available)} free of {shown_size(room.size)}"
    )
