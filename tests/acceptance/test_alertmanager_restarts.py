"""Alertmanager goes away and comes back with nothing in its hands, in the middle of an incident."""

from pathlib import Path

from tests.acceptance.road import road


def test_nothing_is_healed_by_a_restart_of_alertmanager(tmp_path: Path) -> None:
    """While Alertmanager is away and when it is back without a memory, what is broken is called broken."""
    with road(tmp_path) as here:
        here.healer.order("pause", {"by": "ada", "why": "so that it stays broken"})
        here.host.kill_service()
        here.until(lambda: here.states(), "people to be told")
        here.until(lambda: here.incident()["firing_count"] > 20, "everything to fire")
        here.alertmanager.kill()
        here.steadily(lambda: here.incident()["status"] == "open", "it is over without Alertmanager", seconds=4)
        here.alertmanager.start()
        here.until(lambda: len(here.alertmanager.api("alerts")) > 20, "Alertmanager to know the alerts again")
        here.steadily(lambda: here.incident()["status"] == "open", "it is over after the restart", seconds=3)
        assert set(here.states()) == {"broken"}
        assert here.effects() == 0
        here.healer.order("resume", {"by": "ada"})
        here.until(lambda: here.states()[-1] == "healed", "healed to be told", within=60)
        assert here.incident()["resolution"] == "sent"
        assert here.effects() == 1
        assert len(here.telegram.requests("sendMessage")) == 1
