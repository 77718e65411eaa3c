"""E3, what is observed: no command starts on what is silenced, left to people or well, by an observation that is 10 s old.

By the world's truth, at each command that starts.
"""

from healer.executors.target import Order
from healer.times import SECOND, Micros
from tests.simulation.court import Court
from tests.simulation.healing.hosts import LAG, TIDY, Hosts
from tests.simulation.world import SimClock

OBSERVED: Micros = 11 * SECOND
"""How old an observation may be when the command starts: ten seconds when it is judged by, and one until go has arrived."""


class Observed:
    """Looks at each command that starts."""

    def __init__(self, court: Court, hosts: Hosts, clock: SimClock) -> None:
        self._court = court
        self._hosts = hosts
        self._clock = clock

    def starts(self, order: Order) -> None:
        now = self._clock.now()
        then = now - OBSERVED
        silence = self._hosts.silence(order.target, now)
        # What tidies up may come when the alert is over, and then there is none to be silenced.
        fires = not any(self._hosts.alert(order.target, at).ended_at for at in (then, now))
        if silence is not None and silence.begins < then and fires:
            self._accuse(order, f"somebody silenced it {(now - silence.begins) // SECOND} s ago")
        work = self._hosts.work(order.target, now)
        if work is not None and work.begins < then - LAG:
            self._accuse(order, f"somebody works there since {(now - work.begins) // SECOND} s")
        ended = self._hosts.alert(order.target, now).ended_at
        if ended and ended < then - LAG and order.argv[0] != TIDY:
            self._accuse(order, f"its alert ended {(now - ended) // SECOND} s ago")

    def _accuse(self, order: Order, what: str) -> None:
        self._court.accuse("E3", f"{order.intent} starts on {order.target}, and {what}")
