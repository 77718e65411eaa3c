from healer.executors.agent.post import Standing
from healer.executors.agent.wire import Beat, Running
from healer.telemetry.redacting import Redactor
from healer.times import SECOND
from healer.web.agents import standing


def test_what_runs_at_an_agent_is_shown_without_secrets() -> None:
    """It comes with each heartbeat, as the command prints it."""
    beat = Beat(0.5, 1, (Running("r1.0.0", SECOND, "PGPASSWORD=hunter2\ncalling sesame"),))
    shown = standing(Standing("host/a", True, 0, 0, beat, "1", 0), 10 * SECOND, Redactor(["sesame"]))
    assert [one["output"] for one in shown["running"]] == ["PGPASSWORD=***\ncalling ***"]
