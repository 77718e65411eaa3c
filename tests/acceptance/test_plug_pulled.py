"""The plug is pulled between the effect and its outcome: the next healer finishes what the dead one began."""

import sys
from pathlib import Path

from tests.acceptance.road import road
from tests.integration.kill.places import Place
from tests.servers.healer import Healer
from tests.servers.telegram import ROOT


class Mortal(Healer):
    """A healer that dies, the first time it is started, when the outcome of its first effect is about to be stored."""

    def command(self) -> list[str]:
        if self.starts:
            return super().command()
        launch = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.integration.kill.launch"]
        return [*launch, str(self.folder / "healer.yaml"), Place.IN_T4.value, "1", str(self.folder / "deaths.log")]


def test_a_healer_killed_between_effect_and_outcome_is_finished_by_the_next(tmp_path: Path) -> None:
    """The outcome is found by a probe and verified, the effect is not repeated, the same message is edited on."""
    with road(tmp_path, start=Mortal, settle="30s") as here:
        here.host.kill_service()
        deaths = here.healer.folder / "deaths.log"
        here.until(deaths.exists, "healer to die between the effect and its outcome")
        assert deaths.read_text().splitlines() == [Place.IN_T4.value]
        assert here.effects() == 1
        before = here.telegram.requests()
        here.healer.restart()
        here.until(lambda: here.states()[-1] == "healed", "the next healer to tell that it is healed", within=60)
        (remediation,) = here.remediations()
        assert remediation["state"] == "succeeded"
        (intent,) = here.healer.api(f"remediations/{remediation['id']}")["intents"]
        assert (intent["outcome"], intent["attempt"]) == ("succeeded", 0)
        assert here.effects() == 1
        assert len(here.telegram.requests("sendMessage")) == 1
        assert {one["message_id"] for one in here.telegram.requests()} == {before[0]["message_id"]}
        assert here.incident()["trace_id"] in before[0]["text"]
