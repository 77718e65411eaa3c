"""Sends alerts to two healers, as Prometheus does behind a load balancer, and knows what is so: which place is broken, and since
when it is well again. A place is mended by an effect there, or by people who have waited for too long.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from healer.times import SECOND, Micros
from tests.integration.kill.sender import Alert, LoadSender

HOSTS = 10
WORKLOADS = 3
BULK = 2
"""Alerts in each batch that ask for nothing."""
FAULT_S = 1.5
"""Between two faults that ask for an effect."""
PATIENCE_S = 45.0
"""Until people mend what nobody else did."""
AGAIN_S = 4.0
"""Between two times that it is said that something ended."""
SAID_S = 25.0
"""For how long that is said: an older word may arrive late, from a healer that stood still."""
LASTING = 2
"""Faults that nobody mends: they are told of to the end."""


class Trouble(msgspec.Struct):
    """Something is broken, from `began_at` until `ended_at` (0: it lasts). `tag` is its own name."""

    place: str
    tag: str
    alert: Alert
    began_at: Micros
    ended_at: Micros = 0
    said_at: float = 0.0


Mended = Callable[[Trouble], bool]
"""Whether an effect for it has come to its end."""


class ChaosSender(LoadSender):
    """`urls` are the two healers'; whoever fails is left for the other one."""

    pause_s = 0.25
    within_s = 3.0

    def __init__(self, urls: Sequence[str], mended: Mended, seed: int) -> None:
        super().__init__(urls[0])
        self._urls = list(urls)
        self._mended = mended
        self._chance = random.Random(f"sender {seed}")
        self._places = [f"host/h{number:02}" for number in range(HOSTS)]
        self._places += [f"workload/shop/cart-{number}" for number in range(WORKLOADS)]
        self.troubles: list[Trouble] = []
        self.lasting: list[Trouble] = []
        self.holds_back = False
        """Nothing breaks by itself."""
        self.asked: deque[str] = deque()
        """Places that are to break next."""

    def receiver(self) -> str:
        return self._chance.choice(self._urls)

    def batch(self) -> list[Alert]:
        now, found = time.monotonic(), []
        if not self.quiet.is_set():
            found = [self.alert("Load", "warning") for _ in range(BULK)]
            found += [one.alert for one in self._begun(now)]
        return found + [_over(one) for one in self.troubles if self._is_news(one, now)]

    def broken(self) -> list[Trouble]:
        """What is broken now and is to be mended."""
        return [one for one in self.troubles if not one.ended_at]

    def was_well(self, place: str, after: Micros, until: Micros) -> bool:
        """Whether it was well at any instant between the two."""
        spells = sorted((one.began_at, one.ended_at) for one in self.troubles if one.place == place)
        for began_at, ended_at in spells:
            if began_at > after:
                return True
            if not ended_at or ended_at > until:
                return False
            after = max(after, ended_at)
        return True

    def _begun(self, now: float) -> list[Trouble]:
        """What has just broken: one place at a time, that was well."""
        if len(self.lasting) < LASTING:
            self.lasting.append(self._trouble("", "Lasting"))
            return self.lasting[-1:]
        if self.asked:
            return [self._break(self.asked.popleft())]
        well = sorted(set(self._places) - {one.place for one in self.broken()})
        if self.holds_back or now < self._fault_at or not well:
            return []
        self._fault_at = now + FAULT_S
        return [self._break(self._chance.choice(well))]

    def _break(self, place: str) -> Trouble:
        self.troubles.append(self._trouble(place))
        return self.troubles[-1]

    def _trouble(self, place: str, name: str = "") -> Trouble:
        alert = self.alert(name or ("Broken" if place.startswith("host/") else "Stuck"), "critical")
        labels = dict(alert.labels)
        if place.startswith("host/"):
            labels["host"] = place.removeprefix("host/")
        elif place:
            del labels["host"]
            labels["workload"] = place.removeprefix("workload/")
        alert = msgspec.structs.replace(alert, labels=labels)
        return Trouble(place, labels["service"], alert, _micros())

    def _is_news(self, trouble: Trouble, now: float) -> bool:
        """Whether it is time to say that it ended."""
        if not trouble.ended_at:
            waited = _micros() - trouble.began_at > PATIENCE_S * SECOND
            if not (waited or self._mended(trouble)):
                return False
            trouble.ended_at = _micros()
        if _micros() - trouble.ended_at > SAID_S * SECOND or now < trouble.said_at + AGAIN_S:
            return False
        trouble.said_at = now
        return True


def _over(trouble: Trouble) -> Alert:
    return msgspec.structs.replace(trouble.alert, ends_at=datetime.fromtimestamp(trouble.ended_at / SECOND, UTC))


def _micros() -> Micros:
    return round(time.time() * SECOND)
