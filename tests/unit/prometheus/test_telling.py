"""What a rule needs to know beside facts: asked of Prometheus, of the journal, and of whoever raised the alert."""

from collections.abc import Mapping, Sequence

import pytest

from healer.alerts.identity import canonical
from healer.alerts.model import Detail
from healer.convergence.lasting import Rule
from healer.journey.ports import StoreUnavailable
from healer.journey.records import Answer
from healer.prometheus.rules import Active, CannotTell
from healer.prometheus.telling import MAX_TEXT, Telling
from rules import Query

LABELS = {"alertname": "DiskFull", "device": "sda", "instance": "web-1:9100", "cluster": "cn-1"}
VALUE = Query("v", "value", "alert")
SUMMARY = Query("s", "annotations.summary", "alert")


class Prometheus:
    """`Asker` and `Source` with alerts of its own; `None` does not answer."""

    url = "http://prometheus"

    def __init__(self, *alerts: Active | None, mine: bool = True) -> None:
        self._alerts = alerts
        self._mine = mine

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        return [Answer(query.key, 1.0, 1) for query in queries]

    def speaks_for(self, labels: Mapping[str, str]) -> bool:
        return self._mine

    async def active(self) -> list[Active]:
        if None in self._alerts:
            raise CannotTell("it did not answer")
        return [one for one in self._alerts if one is not None]

    async def rules(self) -> tuple[Rule, ...]:
        return ()


def active(value: float | None, **labels: str) -> Active:
    return Active({"alertname": "DiskFull"} | labels, 1, value)


async def read(position: int, index: int) -> Detail | None:
    """The third alert of the seventh record says something."""
    return Detail({"summary": "x" * 5000}, "") if (position, index) == (7, 3) else None


async def said(*sources: Prometheus, query: Query = VALUE, place: tuple[int, int] | None = (7, 3)) -> Answer:
    (answer,) = await Telling(Prometheus(), sources, lambda _: place, read).ask([query], canonical(LABELS))
    return answer


async def test_the_value_is_that_of_the_very_alert() -> None:
    """Of several with labels among the alert's own, the one with the most is meant."""
    there = Prometheus(active(1.0), active(2.0, device="sda"), active(3.0, device="sdb"))

    assert (await said(there)).value == 2.0


@pytest.mark.parametrize(
    ("sources", "why"),
    [
        ((), "no Prometheus is configured for this alert"),
        ((Prometheus(active(1.0), mine=False),), "no Prometheus is configured for this alert"),
        ((Prometheus(active(1.0, device="sdb")),), "no Prometheus has this alert now"),
        ((Prometheus(active(None)),), "no Prometheus has this alert now"),
        ((Prometheus(None),), "it did not answer"),
    ],
)
async def test_without_a_value_it_says_why(sources: tuple[Prometheus, ...], why: str) -> None:
    """Unknown, and never zero, with the reason."""
    assert await said(*sources) == Answer("v", None, 0, why)


async def test_another_prometheus_may_have_it() -> None:
    """One that does not answer keeps nobody from asking the next."""
    assert (await said(Prometheus(None), Prometheus(active(4.0)))).value == 4.0


async def test_an_annotation_is_read_from_the_journal() -> None:
    """It is what the newest delivery said, within a limit."""
    assert (await said(query=SUMMARY)).text == "x" * MAX_TEXT


@pytest.mark.parametrize("place", [None, (7, 4)])
async def test_an_annotation_that_is_not_there(place: tuple[int, int] | None) -> None:
    """An alert that is forgotten, or says no such thing: unknown, with the reason."""
    assert await said(query=SUMMARY, place=place) == Answer("s", None, 0, "the alert has no annotation summary")


async def test_a_store_that_is_away_is_said() -> None:
    """A store that cannot be read is a reason too, and no mistake."""

    async def away(position: int, index: int) -> Detail | None:
        raise StoreUnavailable("the disk is full")

    (answer,) = await Telling(Prometheus(), (), lambda _: (7, 3), away).ask([SUMMARY], canonical(LABELS))
    assert answer.why == "the disk is full"


async def test_queries_go_to_prometheus() -> None:
    """What is PromQL is asked there, beside the rest."""
    asked = [Query("q", "up"), SUMMARY]
    answers = await Telling(Prometheus(), (), lambda _: (7, 3), read).ask(asked, canonical(LABELS))

    assert {answer.query for answer in answers} == {"q", "s"}
