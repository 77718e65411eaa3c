"""A deployment that breaks a service goes back to the version before it, by the rules that ship."""

from collections.abc import Callable
from pathlib import Path

import pytest

from healer.changes.model import Change
from healer.journey.ports import Arrival
from healer.journey.records import Changed
from healer.times import HOUR
from tests.effort import Effort
from tests.integration.packs.installation import CART, Firing, Installation, staged, trusted

ERRORS = "go back to the version before errors came"
SLOW = "go back to the version before it became slow"
CHECKS = "go back to the version before health checks failed"


FAULTS = [
    (SLOW, "HighLatency", "histogram_quantile(0.99", 3.0, 0.2),
    (ERRORS, "HighErrorRate", "sum(rate(http_requests_total", 0.08, 0.001),
    (CHECKS, "ServiceHealthCheckFailed", "min(probe_success", 0.0, 1.0),
]
TRIED = Effort.from_environment().pick(ci=1, full=len(FAULTS))


@pytest.mark.parametrize(("rule", "alert", "query", "bad", "good"), FAULTS[:TRIED])
def test_a_bad_deployment_is_rolled_back(
    tmp_path: Path, rule: str, alert: str, query: str, bad: float, good: float
) -> None:
    """Errors above 5 %, P99 above 2 s, or health checks that fail, after a deployment: the image that worked is back, the rule's
    own measure proves it for its time, and the incident's timeline says what was done to what, and that it helped."""

    async def play(here: Installation) -> None:
        broken = lambda: "cart:broken" in here.images()  # noqa: E731 - a condition, asked again and again
        here.series = {query: _series(broken, bad, good), **here.series}
        labels = {"alertname": alert, "namespace": "shop", "service": "cart", "severity": "critical"}
        here.firing.append(Firing(labels, broken))
        await here.store.append([Arrival(Changed(_deployed(here)))])
        here.deliver("cart:broken")
        done = await here.ended(HOUR)
        assert (done.state, done.plan.rule) == ("succeeded", rule), done
        assert [step.action for step in done.plan.steps] == ["rollout_undo"]
        assert (here.images(), len(here.ready())) == ({"cart:1"}, 3)
        lines = {line.code: line for line in await here.store.timeline(done.plan.incident)}
        assert CART in lines["executing"].facts["what"]
        assert lines["succeeded"].stage == "verify"
        assert await here.open() == []

    staged(tmp_path, trusted(rule), play)


def _series(broken: Callable[[], bool], bad: float, good: float) -> Callable[[], float]:
    return lambda: bad if broken() else good


def _deployed(here: Installation) -> Change:
    return Change(
        "github",
        "d-1",
        "shop/cart",
        "deploy",
        "production",
        "main",
        "0a1b2c3",
        "succeeded",
        "",
        (),
        here.clock.now(),
        "",
    )
