"""Somebody works on the host and has silenced it in Alertmanager: healer keeps its hands off, and says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.acceptance.road import Road, road


def silence(here: Road, **labels: str) -> str:
    """Silence alerts with these labels for an hour; the silence's id."""
    now = datetime.now(UTC)
    return here.alertmanager.silence(
        {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in labels.items()
            ],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "ada",
            "comment": "I am working there",
        }
    )


def test_a_silenced_host_is_left_alone(tmp_path: Path) -> None:
    """Silenced, nobody is told and nothing is done; while any alert on the host is silenced, healing waits and says for whom."""
    with road(tmp_path) as here:
        all_of_it, inventory = silence(here, host="web1"), silence(here, alertname="HostInventory")
        here.until(lambda: _is_silenced(here.explained("HostInventory")), "the silence to be mirrored")
        here.host.kill_service()
        here.until(lambda: _is_silenced(here.explained("ServiceDown")), "the cause to come in, silenced")
        assert all_of_it in here.explained("ServiceDown")[0]["reason"]
        here.steadily(
            lambda: not here.telegram.requests() and not here.effects(), "it was told, or acted on", seconds=8
        )
        here.alertmanager.expire(all_of_it)
        here.until(lambda: here.states(), "people to be told after the silence")
        waits = here.until(lambda: [one for one in here.remediations() if one["state"] == "waiting"], "healing to wait")
        assert "silenced" in waits[0]["detail"], waits
        here.until(lambda: "silenced" in here.telegram.messages()[0]["text"], "the message to say why")
        here.steadily(lambda: not here.effects(), "it acted on a silenced host", seconds=2)
        here.alertmanager.expire(inventory)
        here.until(lambda: here.states()[-1] == "healed", "healed to be told")
        assert here.effects() == 1
        assert len(here.telegram.requests("sendMessage")) == 1


def _is_silenced(alerts: list[dict[str, Any]]) -> bool:
    return [alert["status"] for alert in alerts] == ["silenced"]
