"""How a batch becomes journal records."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.model import Alert, Batch, Detail, Refusal
from healer.journey.records import Delivered
from healer.web.intake import ALERTS_OF_A_RECORD, arrivals


@given(count=st.integers(0, 3 * ALERTS_OF_A_RECORD + 1))
def test_every_alert_goes_to_one_record_in_order_with_its_detail_beside_it(count: int) -> None:
    alerts = tuple(Alert(str(number).encode(), True, 0, 0) for number in range(count))
    details = tuple(Detail({}, str(number)) for number in range(count))
    refusals = (Refusal(count, "no_labels", "", ""),)
    found = arrivals(Batch("s", alerts, details, refusals))
    records = [each.record for each in found if isinstance(each.record, Delivered)]
    assert len(records) == len(found)
    assert all(len(record.alerts) <= ALERTS_OF_A_RECORD for record in records)
    assert tuple(alert for record in records for alert in record.alerts) == alerts
    kept = [msgspec.msgpack.decode(each.details, type=list[Detail]) for each in found]
    assert tuple(detail for each in kept for detail in each) == details
    assert tuple(refusal for each in found for refusal in each.refusals) == refusals
