"""kill -9 under load, at every dangerous instruction: nothing accepted is lost, nothing told or done is repeated."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.effort import Effort
from tests.integration.kill import promises
from tests.integration.kill.places import AT_LEAST_THREE, Place
from tests.integration.kill.world import World, world

WORLDS = 3
KILLS = 50

SHARES = {
    Place.IN_T1: 5,
    Place.AFTER_T1: 3,
    Place.IN_T2: 5,
    Place.AFTER_T2: 3,
    Place.IN_T3: 5,
    Place.AFTER_T3: 3,
    Place.READY: 5,
    Place.RUNNING: 3,
    Place.IN_T4: 5,
    Place.AFTER_T4: 3,
    Place.IN_SEND: 3,
    Place.SENT: 5,
    Place.IN_TOLD: 3,
    Place.RECOVERING: 3,
}
"""How often a process dies where, over all worlds."""


@pytest.mark.chaos
def test_killed_at_every_instruction_healer_keeps_its_promises(
    tmp_path: Path, effort: Effort, say: Callable[[str], None]
) -> None:
    """A1, A4, E1: all that was acknowledged is there, no more than the send in flight comes twice, no effect is repeated."""
    places = [place for place, count in SHARES.items() for _ in range(count * effort.pick(ci=1, full=10))]
    began = time.monotonic()
    with ThreadPoolExecutor(WORLDS) as pool:
        futures = [pool.submit(_live, tmp_path / f"world-{seed}", places[seed::WORLDS], seed) for seed in range(WORLDS)]
        lived = [future.result() for future in futures]
    worlds = [each for each, _ in lived]
    for _, figures in lived:
        say(figures)
    deaths = Counter(death.state for each in worlds for death in each.deaths if death.state)
    say(f"{deaths.total()} kills in {time.monotonic() - began:.0f} s")
    for state, count in sorted(deaths.items()):
        say(f"  {count:4} {state}")
    assert deaths.total() >= KILLS, deaths
    for place in AT_LEAST_THREE:
        assert deaths[place.value] >= 3, f"only {deaths[place.value]} deaths {place.value}"


def _live(folder: Path, places: list[Place], seed: int) -> tuple[World, str]:
    with world(folder, seed) as here:
        here.live(places)
        here.settle()
        promises.known(here)
        alerts, acted, sends = promises.kept(here), promises.acted_once(here), promises.told_once(here)
        assert alerts > 500, f"only {alerts} alerts were acknowledged: that shows little"
        assert acted >= 1, "no effect happened: that shows nothing"
        assert len(sends) >= 5, f"only {len(sends)} incidents were told: that shows little"
        again = sends.total() - len(sends)
        figures = (
            f"world {seed}: {len(here.deaths)} deaths, {alerts} alerts acknowledged, {acted} effects, "
            f"{len(sends)} incidents told, {again} sends came twice"
        )
        return here, figures
