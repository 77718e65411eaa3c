"""Five short stories of healing, in which nothing goes wrong by chance: what goes wrong is tried at each of their calls."""

from collections.abc import Collection

import msgspec

from healer.times import SECOND
from tests.simulation.faults import ENDS, Faults, Kind, Odds
from tests.simulation.healing.options import Options
from tests.simulation.loop import SimLoop

TRIED: tuple[Kind, ...] = (*sorted(ENDS), "lost call", "lost answer")
"""A crash and a cancellation before the call, after its effect and after its answer; a call, and an answer, that is lost."""
PLAIN = Options(
    seed=7,
    hosts=1,
    plans=1,
    storm=60 * SECOND,
    down_for=SECOND,
    locks="local",
    takeover=SECOND,
    zombie=SECOND,
    failovers=0,
    steps=1,
    retry=1,
    idempotent=False,
    otherwise=False,
    after_success=False,
    undo=False,
    ineffective=False,
    cancels=0,
    approve=0,
    limit=2,
    limit_within=600 * SECOND,
    at_once=False,
    wanted="both",
    effect_takes=2 * SECOND,
    effect_helps=100,
    effect_fails=0,
    vanishes=0,
    unseen=0,
    unreachable=0,
    switches=0,
    silences=0,
    works=0,
    superseded=0,
    skew=0,
    clock_steps=0,
    odds=Odds(),
)
STORIES: dict[str, Options] = {
    "it helps": PLAIN,
    "it fails, and so does the next remedy": msgspec.structs.replace(PLAIN, effect_fails=100, otherwise=True),
    "two plans for one host": msgspec.structs.replace(PLAIN, plans=2, storm=240 * SECOND, at_once=True, effect_helps=0),
    "two people agree": msgspec.structs.replace(PLAIN, seed=3, approve=2),
    "two steps, and what follows": msgspec.structs.replace(PLAIN, steps=2, after_success=True, locks="redis"),
}


class Pointed(Faults):
    """One fault, at the call of this number. `calls` is how many there were; without a number none is hurt."""

    def __init__(self, loop: SimLoop, at: int, kind: Kind) -> None:
        super().__init__(loop, 0, Odds(crashes=1))
        self._at = at
        self._hurt = kind
        self.calls = 0

    def decide(self, call: str, *, rarely: bool = False, also: Collection[Kind] = ()) -> Kind:
        self.calls += 1
        if self.calls != self._at:
            return "none"
        self._note(call, self._hurt)
        return self._hurt
