"""An agent that is not there is an alert like any other."""

from healer.alerts.identity import labels_of
from healer.heartbeat.agents import ALERT, REPEAT, AgentWatch
from healer.journey.ports import Arrival
from healer.journey.records import Delivered
from healer.times import SECOND, Micros


class Time:
    def __init__(self) -> None:
        self.at: Micros = 1_700_000_000 * SECOND

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> Micros:
        return self.at


class Night:
    """Who is silent, and what the journal got: (agent, firing, since)."""

    def __init__(self) -> None:
        self.silent: dict[str, Micros] = {}
        self.told: list[tuple[str, bool, Micros]] = []

    def inactive(self) -> dict[str, Micros]:
        return self.silent

    def start_over(self) -> None:
        """Nothing was heard before."""

    async def append(self, arrivals: list[Arrival]) -> list[tuple[int, Micros]]:
        for arrival in arrivals:
            assert isinstance(arrival.record, Delivered)
            for alert in arrival.record.alerts:
                labels = labels_of(alert.labels)
                assert labels["alertname"] == ALERT
                self.told.append((labels["agent"], alert.firing, alert.starts_at))
        return []


async def test_a_silent_agent_fires_and_ends() -> None:
    """At once, with the moment it was heard last; and it ends when it is back."""
    night, clock = Night(), Time()
    watch = AgentWatch(night, night, clock)  # type: ignore[arg-type]  # of a journal it only appends
    await watch.look()
    since = clock.at - 16 * SECOND
    night.silent = {"cn-1": 16 * SECOND}
    await watch.look()
    assert night.told == [("cn-1", True, since)]
    night.silent = {}
    await watch.look()
    assert night.told[1:] == [("cn-1", False, since)]


async def test_what_goes_on_is_repeated() -> None:
    """As Prometheus does: an alert that nobody repeats is over."""
    night, clock = Night(), Time()
    watch = AgentWatch(night, night, clock)  # type: ignore[arg-type]  # of a journal it only appends
    night.silent = {"cn-1": 16 * SECOND}
    for _ in range(3):
        await watch.look()
        clock.at += 2 * SECOND
    assert len(night.told) == 1
    clock.at += REPEAT
    night.silent = {"cn-1": 16 * SECOND + REPEAT + 6 * SECOND}
    await watch.look()
    assert night.told == [night.told[0]] * 2
