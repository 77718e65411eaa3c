"""What these tests share: a journal that keeps what it is given, and silences as people make them."""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

from healer.alerts.identity import canonical
from healer.journey.records import Record, decode
from healer.seams import SystemClock
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import Micros

NOBODY = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


class HandClock:
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead: Micros = 0
        self._real = SystemClock()

    def now(self) -> Micros:
        return self._real.now() + self.ahead

    def monotonic(self) -> Micros:
        return self._real.monotonic() + self.ahead


@contextmanager
def journal() -> Iterator[Store]:
    """The real store, in memory."""
    with closing(Memory()) as memory:
        yield Store(InlineRun(memory, SystemClock()), "test")


async def records(store: Store) -> list[Record]:
    return [decode(row.data) for row in await store.read(0, 1_000)]


def silence(matchers: dict[str, str], *, seconds: float = 600, regex: bool = False) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "matchers": [
            {"name": name, "value": value, "isRegex": regex, "isEqual": True} for name, value in matchers.items()
        ],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(seconds=seconds)).isoformat(),
        "createdBy": "jo",
        "comment": "changing the disk",
    }


def down(host: str) -> dict[str, str]:
    return {"alertname": "HostDown", "host": host}


def alerts(hosts: Iterable[str], *, ended: bool = False) -> list[dict[str, object]]:
    """As Prometheus sends them."""
    ends = {"endsAt": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()} if ended else {}
    return [{"labels": down(host), **ends} for host in hosts]


def labels(*hosts: str) -> tuple[bytes, ...]:
    return tuple(sorted(canonical(down(host)) for host in hosts))
