"""What people say to healer is in the audit log under their names, whatever else it becomes; what alerts say is not."""

from typing import Any

import msgspec
import pytest

from healer.alerts.maintenance import Maintenance
from healer.alerts.silences import OWN, Silence, SilenceMatcher
from healer.convergence.people import Said
from healer.journey.ports import Arrival
from healer.journey.records import Adopted, Extended, Hushed, Lifted, Maintained, Record, Resumed
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from tests.contracts.store.given import HandClock, delivered

MATCHERS = (SilenceMatcher("job", "node"), SilenceMatcher("host", "db-.*", is_regex=True, is_equal=False))


@pytest.mark.parametrize(
    ("record", "kind", "facts"),
    [
        (Said("blame", "i1", "ann", "it is the switch", node="s1"), "incident blame", {"by": "ann", "node": "s1"}),
        (Said("split", "i1", "ann", alerts=(b"{}", b"[]")), "incident split", {"incident": "i1", "alerts": 2}),
        (
            Hushed(Silence("", OWN, MATCHERS, 1, 2, "ann", "moving")),
            "silence",
            {"by": "ann", "matchers": ['job="node"', 'host!~"db-.*"']},
        ),
        (
            Maintained(
                Maintenance(
                    id="", node="rack/r1", below=True, starts_at=1, ends_at=2, created_by="ann", comment="disks"
                )
            ),
            "maintenance",
            {"by": "ann", "node": "rack/r1", "below": True},
        ),
        (Extended("m1", 9, "ann"), "maintenance extended", {"by": "ann", "until": 9}),
        (Lifted("m1", "ann"), "silence or maintenance ended", {"by": "ann", "id": "m1"}),
        (Adopted("t", "s", "r"), "settings and rules adopted", {"rules": "r"}),
    ],
)
async def test_an_act_is_an_entry(record: Record, kind: str, facts: dict[str, Any]) -> None:
    """In the transaction that accepts it, with its place in the journal."""
    store = Store(InlineRun(Memory("here"), HandClock()), "here")
    ((position, at),) = await store.append([Arrival(record)])
    (entry,) = await store.entries(0, 10)
    detail = msgspec.json.decode(entry.detail)
    assert (entry.kind, entry.at, detail["position"]) == (kind, at, position)
    assert {name: detail[name] for name in facts} == facts


async def test_alerts_are_no_acts() -> None:
    """What machines tell is in the journal, and not here."""
    store = Store(InlineRun(Memory("here"), HandClock()), "here")
    await store.append([Arrival(delivered("a")), Arrival(Resumed(1))])
    assert await store.entries(0, 10) == []
