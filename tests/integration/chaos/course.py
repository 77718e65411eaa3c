"""One whole run: faults, quiet, the kill switch, and what everybody's records say of it. Run by the test, and by hand."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.integration.chaos import promises, switch
from tests.integration.chaos.faults import Fault
from tests.integration.chaos.site import site


class Course(msgspec.Struct, frozen=True):
    """What a run has shown; `late` are the seconds after the kill switch at which effects began all the same."""

    seed: int
    seconds: float
    faults: dict[str, int]
    alerts: int
    effects: int
    intents: int
    healed: int
    thrown: int
    late: tuple[float, ...]
    incidents: int
    messages: int
    twice: int
    entries: int

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"seed {self.seed}: {sum(self.faults.values())} faults in {self.seconds:.0f} s",
            *(f"  {count:4} {kind}" for kind, count in sorted(self.faults.items())),
            f"{self.alerts} alerts acknowledged, none lost",
            f"{self.effects} effects of {self.intents} intents, {self.healed} seen to help",
            f"{self.incidents} incidents told in {self.messages} messages, {self.twice} came twice",
            f"kill switch thrown {self.thrown} times; {len(self.late)} effects began after it, "
            f"the last {max(self.late, default=0):.2f} s after",
            f"{self.entries} entries of the audit log",
        ]


def run(folder: Path, seed: int, rows: Sequence[Sequence[Fault]], rounds: int) -> Course:
    """Raises AssertionError for the first promise that does not hold. `rounds`: how often the kill switch is thrown."""
    began = time.monotonic()
    with site(folder, seed) as here:
        here.storm(rows)
        late = switch.measure(here, rounds) if rounds else []
        here.settle()
        alerts, incidents, (messages, twice) = promises.kept(here), promises.told_right(here), promises.told_once(here)
        promises.known(here)
        past, deeds = promises.acted(here)
        return Course(
            seed=seed,
            seconds=time.monotonic() - began,
            faults=Counter(f"{one.fault.kind} {one.fault.where}".strip() for one in here.happened),
            alerts=alerts,
            effects=len(deeds),
            intents=len(past.arrows.intents),
            healed=past.proven.count,
            thrown=past.stopped.count,
            late=tuple(late),
            incidents=incidents,
            messages=messages,
            twice=twice,
            entries=promises.chained(here),
        )
