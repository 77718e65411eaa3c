"""What the settings say of an alert, read from its labels."""

from healer.alerts.glance import values_of
from healer.convergence.settings import Convergence
from healer.convergence.traits import MAX_UNKNOWN, Reader


def test_unknown_severities_count_as_warning_and_are_listed() -> None:
    """A severity that nobody explained counts as warning and is remembered once; those with a meaning are not."""
    reader = Reader(Convergence(), "Watchdog")
    said = [{"alertname": "A", "severity": word} for word in ("disaster", "disaster", "page", "none", "info")]

    read = [reader.read(values_of(reader.names, labels)) for labels in (*said, {"alertname": "A"})]
    reader.read(values_of(reader.names, {"alertname": "Watchdog", "severity": "beat"}))

    assert [each.severity for each in read] == ["warning", "warning", "critical", "info", "info", "warning"]
    assert list(reader.unknown) == ["disaster", ""]


def test_the_list_of_unknown_severities_is_bounded() -> None:
    """A label with a value of its own for each alert does not fill the memory."""
    reader = Reader(Convergence(), "Watchdog")
    for number in range(10 * MAX_UNKNOWN):
        reader.read(values_of(reader.names, {"alertname": "A", "severity": f"s{number}"}))

    assert len(reader.unknown) == MAX_UNKNOWN
