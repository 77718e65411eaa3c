"""The main job, end to end: a service dies on a real machine, and one message tells that it broke, heals and is well."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.road import Road, road
from tests.acceptance.shop import HOST, STORE
from tests.servers.postgres import Postgres

STAGES = ("detect", "converge", "decide", "execute", "verify", "notify")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield STORE
        return
    with Postgres() as server:
        yield server.schema("shop")


def test_a_dead_service_is_healed_and_told_of_in_one_message(
    tmp_path: Path, say: Callable[[str], None], store: str
) -> None:
    """One incident, one remediation, one message from broken over healing to healed, one trace with every stage."""
    with road(tmp_path, store=store) as here:
        fault = time.monotonic()
        here.host.kill_service()
        here.until(lambda: len(_firing(here)) > 20, "more than 20 alerts to fire in Prometheus")
        here.until(lambda: here.states()[-1:] == ["healed"], "healed to be told")
        took = time.monotonic() - fault
        incident = here.incident()
        say(f"from the fault to healed: {took:.1f} s; all, servers included: {time.monotonic() - here.began:.1f} s")
        sent, edits = (here.telegram.requests(method) for method in ("sendMessage", "editMessageText"))
        say(f"messages: {len(sent)} sent, {len(edits)} edits: {', '.join(here.states())}")
        say("versions: " + ", ".join(f"{name} {version}" for name, version in here.versions().items()))
        _one_incident(incident)
        _one_remediation(here, incident)
        assert len(sent) == 1, here.story()
        assert list(dict.fromkeys(here.states())) == ["broken", "healing", "healed"]
        assert here.telegram.messages()[0]["edits"] == len(edits)
        _one_trace(here, incident)


def _firing(here: Road) -> list[dict[str, Any]]:
    return [
        alert for alert in here.prometheus.alerts() if alert["state"] == "firing" and alert["labels"].get("service")
    ]


def _one_incident(incident: dict[str, Any]) -> None:
    """The root is the service that died; everything that depends on it is in its incident and was resolved by its sender."""
    assert incident["status"] == "resolved"
    assert incident["resolution"] == "sent"
    assert incident["root"]["labels"]["alertname"] == "ServiceDown"
    assert incident["root"]["node"] == "service/shop"
    things = [alert["labels"].get("thing") for alert in incident["alerts"]]
    assert len({thing for thing in things if thing}) > 20, things
    assert {alert["status"] for alert in incident["alerts"]} == {"resolved"}


def _one_remediation(here: Road, incident: dict[str, Any]) -> None:
    """One remediation with one intent, and by the host's own log one restart; the service runs again."""
    (remediation,) = here.remediations()
    assert (remediation["state"], remediation["incident"]) == ("succeeded", incident["id"])
    (intent,) = here.healer.api(f"remediations/{remediation['id']}")["intents"]
    assert (intent["target"], intent["outcome"]) == (HOST, "succeeded")
    assert here.effects() == 1
    assert here.host.service_running()


def _one_trace(here: Road, incident: dict[str, Any]) -> None:
    """Collector, timeline, message, requests to the chat and log tell of one trace; it has every stage, finished."""
    trace = incident["trace_id"]
    timeline = here.healer.api(f"incidents/{incident['id']}/timeline")["items"]
    assert set(STAGES) <= {line["stage"] for line in timeline}, timeline
    spans = here.until(lambda: here.collector.spans, "the trace to be exported")
    assert {span.trace_id.hex() for span in spans} == {trace}
    (whole,) = (span for span in spans if not span.parent_span_id)
    stages = [span for span in spans if span.parent_span_id == whole.span_id]
    assert {span.name for span in stages} == set(STAGES)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
    for request in here.telegram.requests():
        assert trace in request["text"]
        assert request["headers"]["x-trace-id"] == trace
        assert request["headers"]["traceparent"].split("-")[1:3] == [trace, whole.span_id.hex()]
    assert trace in here.healer.log
