"""The kill switch, on the whole road: what is paused is not done, and is done once somebody resumes."""

from pathlib import Path

from tests.acceptance.road import road


def test_nothing_is_done_while_paused(tmp_path: Path) -> None:
    """After `pause` no effect happens and people read why; after `resume` the same remediation heals, and that is seen."""
    with road(tmp_path) as here:
        here.healer.order("pause", {"by": "ada", "why": "a rehearsal"})
        here.host.kill_service()
        here.until(lambda: here.states(), "people to be told")
        (waiting,) = here.until(
            lambda: [one for one in here.remediations() if one["state"] == "waiting"], "the remediation to wait"
        )
        assert "kill switch" in waiting["detail"]
        here.until(lambda: "kill switch" in here.telegram.messages()[0]["text"], "the message to say why")
        here.steadily(lambda: not here.host.service_running(), "somebody started the service", seconds=2)
        # By then healer holds the backstop back, so Alertmanager will not say that anything ended: Prometheus does.
        here.until(lambda: "healer" in here.silencers(), "healer to hold the backstop back")
        here.healer.order("resume", {"by": "ada"})
        here.until(lambda: here.states()[-1] == "healed", "healed to be told")
        assert [one["id"] for one in here.remediations()] == [waiting["id"]]
        assert here.effects() == 1
        assert len(here.telegram.requests("sendMessage")) == 1
