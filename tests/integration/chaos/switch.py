"""E4, measured: the kill switch is thrown while a healer stands still between its last look at it and what follows from that."""

import time

from healer.times import SECOND
from tests.integration.chaos.deeds import on_machine
from tests.integration.chaos.replica import Replica
from tests.integration.chaos.site import Site

STILL_S = (0.1, 0.3, 0.5, 0.7, 1.5)
"""For how long it stands still after the switch was thrown: one after another."""
BEGINS_S = 2.5
"""By then what could begin has begun."""
PLACE = "host/h00"


def measure(site: Site, rounds: int) -> list[float]:
    """How many seconds after the switch effects began on the machine, of those that did. Leaves both healers as they were."""
    first, second = site.replicas.values()
    site.sender.holds_back = True
    site.until(lambda: not site.unsettled(), "everything to settle", 150, site.unsettled)
    site.kill(first)
    first.pausing = True
    late: list[float] = []
    for number in range(rounds):
        _converge(site, first, second)
        site.sender.asked.append(PLACE)
        site.until(first.stands_still, "it comes to its last look at the switch", 60)
        _turn(second, "pause")
        thrown_at = time.time() * SECOND
        time.sleep(STILL_S[number % len(STILL_S)])
        first.resume()
        time.sleep(BEGINS_S)
        begun = [one.began_at for one in on_machine(site.host.folder)]
        late += [(at - thrown_at) / SECOND for at in begun if at > thrown_at]
        _turn(second, "resume")
        # What it has still to do is somebody's who does not stop.
        site.kill(first)
        site.until(lambda: not site.unsettled(), "everything to settle", 150, site.unsettled)
    first.pausing = False
    site.revive(first)
    site.sender.holds_back = False
    return late


def _converge(site: Site, first: Replica, second: Replica) -> None:
    """Have the one that will stand still converge."""
    site.revive(first)
    second.stop()
    site.until(first.converges, "it converges", 30)
    site.revive(second)


def _turn(replica: Replica, way: str) -> None:
    """As people do: again, where the store had no time for it."""
    end = time.monotonic() + 30
    while True:
        try:
            replica.order(way, {"by": "ada", "why": "a drill"})
        except OSError:
            if time.monotonic() > end:
                raise
        else:
            return
