"""healer is dead when something breaks: Alertmanager's backstop pages, as deploy/alertmanager/lead.yml says."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.road import road
from tests.servers.inbox import Letter

FASTER = {"group_wait: 5m": "group_wait: 3s", "group_interval: 1m": "group_interval: 1s"}


def test_a_critical_alert_reaches_people_although_healer_is_dead(tmp_path: Path, say: Callable[[str], None]) -> None:
    """In `lead`, a critical alert that healer did not take care of reaches people through Alertmanager."""
    with road(tmp_path, "lead", FASTER) as here:
        here.healer.kill()
        here.host.kill_service()
        fault = time.monotonic()
        here.until(lambda: "ServiceDown" in _paged(here.people.of("/alerts")), "people to be paged")
        say(f"paged by the backstop {time.monotonic() - fault:.1f} s after the fault")
        assert here.telegram.requests() == []


def _paged(letters: list[Letter]) -> set[str]:
    """The names of the alerts that people were paged for."""
    return {alert["labels"]["alertname"] for letter in letters for alert in letter.body["alerts"]}
