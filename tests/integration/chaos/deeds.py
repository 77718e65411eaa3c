"""What was done, by the records of those it was done to: the machine's own log, and the cluster's."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from healer.executors.kubernetes import fence
from healer.times import SECOND, Micros
from tests.integration.kill import effects
from tests.servers.cluster import Written


class Deed(msgspec.Struct, frozen=True):
    """One effect: of which intent, on what (as its own record names it), and from when to when. `token` and `step` are those
    that the record has, None where it has none."""

    intent: str
    name: str
    began_at: Micros
    ended_at: Micros
    token: int | None = None
    step: int | None = None


def on_machine(folder: Path) -> list[Deed]:
    """By the command's own log; `name` is its tag. What nobody saw the end of ended when it should have."""
    most = round(effects.TAKES_S * SECOND)
    return [
        Deed(one.intent, one.tag, one.began_at, one.ended_at or one.began_at + most) for one in effects.runs(folder)
    ]


def in_cluster(writes: Sequence[Written]) -> list[Deed]:
    """By the cluster's log; `name` is the object's. An effect changes what an object is to be like, and says by which intent."""
    found: list[Deed] = []
    generations: dict[str, int] = {}
    for one in writes:
        changes = one.generation > generations.get(one.path, 1)
        generations[one.path] = one.generation
        if changes:
            token, step = place(one)
            done = one.annotations.get(fence.DONE, "")
            found.append(Deed(done, one.path.rpartition("/")[2], one.at, one.at, token, step))
    return found


def place(written: Written) -> tuple[int, int]:
    """The (token, step) that an object had after a write."""
    token, _, step = written.annotations[fence.TOKEN].partition(".")
    return int(token), int(step)
