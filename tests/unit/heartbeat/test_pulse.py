"""What counts as input, and what as a heartbeat that passed."""

import pytest

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.heartbeat.pulse import WAITING, Pulse
from healer.journey.records import Delivered, Entry, Resumed
from healer.times import MINUTE, SECOND
from tests.contracts.store.given import HandClock

WATCHDOG = {"alertname": "Watchdog"}


class Engine:
    """How far the engine is."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.applied = 0
        self.pulse = Pulse("Watchdog", self.clock, lambda: self.applied)
        self.position = 0

    def takes(self, labels: dict[str, str], *, firing: bool = True) -> int:
        """One more record with one alert; its position."""
        self.position += 1
        record = Delivered("am", (Alert(canonical(labels), firing, 0, 0),))
        self.pulse.hear([Entry(self.position, 0, record)])
        return self.position


@pytest.fixture
def engine() -> Engine:
    return Engine()


def test_a_heartbeat_that_stays_away_is_silence(engine: Engine) -> None:
    """Only where one came in before: who sends no heartbeat is not silent; and the next one ends it."""
    engine.clock.instant += 10 * MINUTE
    assert engine.pulse.silent(5 * MINUTE) == ""
    engine.applied = engine.takes(WATCHDOG)
    assert engine.pulse.silent(5 * MINUTE) == ""
    engine.clock.instant += 6 * MINUTE
    assert engine.pulse.silent(5 * MINUTE).startswith("no Watchdog came in for 6m, at most 5m may pass")
    engine.takes({"alertname": "HostDown"})
    assert engine.pulse.silent(5 * MINUTE)
    engine.applied = engine.takes(WATCHDOG)
    assert engine.pulse.silent(5 * MINUTE) == ""


def test_a_heartbeat_counts_once_it_passed_the_engine(engine: Engine) -> None:
    """Coming in is not enough: the age is that of the newest one in a committed step."""
    engine.clock.instant += MINUTE
    position = engine.takes(WATCHDOG | {"severity": "none"})
    engine.clock.instant += 10 * SECOND
    assert engine.pulse.age() == 70 * SECOND, "since the start"
    engine.applied = position
    assert engine.pulse.age() == 10 * SECOND, "since it came in"


def test_an_engine_that_lags_is_only_as_alive_as_what_it_has_done(engine: Engine) -> None:
    """Newer heartbeats that wait do not hide that older ones passed, nor count before they do."""
    first = engine.takes(WATCHDOG)
    engine.clock.instant += MINUTE
    engine.takes(WATCHDOG)
    engine.applied = first
    assert engine.pulse.age() == MINUTE


@pytest.mark.parametrize(
    "labels",
    [
        {"alertname": "HostDown"},
        {"alertname": "WatchdogMissing"},
        {"alertname": "X", "note": '"alertname":"Watchdog"'},
        {"alertname": "X", "alertname2": "Watchdog"},
    ],
)
def test_another_alert_is_input_and_no_heartbeat(engine: Engine, labels: dict[str, str]) -> None:
    """Only the label alertname says what an alert is called."""
    engine.clock.instant += MINUTE
    engine.applied = engine.takes(labels)
    assert engine.pulse.quiet_for() == 0
    assert engine.pulse.had_input
    assert engine.pulse.age() == MINUTE


def test_a_resolved_heartbeat_is_none(engine: Engine) -> None:
    """It always fires; when it ends that is no sign of life."""
    engine.clock.instant += MINUTE
    engine.applied = engine.takes(WATCHDOG, firing=False)
    assert engine.pulse.age() == MINUTE


def test_what_healer_writes_itself_is_no_input(engine: Engine) -> None:
    """Only what others sent proves that they can."""
    engine.clock.instant += MINUTE
    engine.pulse.hear([Entry(1, 0, Resumed(SECOND))])
    assert engine.pulse.quiet_for() == MINUTE
    assert not engine.pulse.had_input


def test_an_engine_that_stands_still_costs_no_memory(engine: Engine) -> None:
    """Heartbeats on their way are bounded, and the oldest are kept."""
    for _ in range(WAITING + 10):
        engine.takes(WATCHDOG)
    engine.clock.instant += SECOND
    engine.applied = 1
    assert engine.pulse.age() == SECOND
    assert len(engine.pulse._on_the_way) == WAITING - 1


def test_the_age_is_a_metric(engine: Engine) -> None:
    """What the alert rules about healer look at, in seconds."""
    engine.clock.instant += MINUTE
    (sample,) = engine.pulse.samples()
    assert (sample.name, sample.value) == ("healer_watchdog_age_seconds", 60.0)
