"""Onsets are asked for when something unknown arrives, recorded once, and left alone where Prometheus cannot be asked."""

from collections.abc import Iterator, Mapping, Sequence

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.lasting import Rule
from healer.journey.ports import Arrival
from healer.journey.records import Began, Delivered, Entry, Lasting, Record
from healer.prometheus.onsets import MAX_RECORD, Index, Onsets
from healer.prometheus.rules import Active, CannotTell
from healer.times import MINUTE, Micros

START: Micros = 1_767_780_000_000_000
RULE = Rule("HostDown", {}, 5 * MINUTE)


class Server:
    """A Prometheus as a test wants it."""

    url = "http://prometheus"

    def __init__(self, *alerts: Active) -> None:
        self.alerts = list(alerts)
        self.known: tuple[Rule, ...] = (RULE,)
        self.wrong = ""
        self.asked = 0

    def speaks_for(self, labels: Mapping[str, str]) -> bool:
        return labels.get("cluster") != "elsewhere"

    async def active(self) -> list[Active]:
        self.asked += 1
        return self.alerts

    async def rules(self) -> tuple[Rule, ...]:
        if self.wrong:
            raise CannotTell(self.wrong)
        return self.known


class Converged:
    """What fires, and what is known of it; records are applied as the fold applies them."""

    def __init__(self, *firing: Mapping[str, str]) -> None:
        self.firing: dict[bytes, Micros] = {canonical(dict(labels)): START for labels in firing}
        self.dated: dict[bytes, Micros] = {}
        self.rules: tuple[Rule, ...] = ()
        self.records: list[Record] = []

    async def settled(self) -> None:
        """Everything is applied at once here."""

    def where(self, labels: bytes) -> tuple[int, int] | None:
        return (1, 0) if labels in self.firing else None

    def undated(self) -> Iterator[tuple[str, bytes, Micros]]:
        for labels, starts_at in self.firing.items():
            if labels not in self.dated:
                yield "HostDown", labels, starts_at

    def rules_of(self, source: str) -> tuple[Rule, ...]:
        return self.rules

    async def append(self, arrivals: Sequence[Arrival]) -> list[tuple[int, Micros]]:
        for arrival in arrivals:
            self.records.append(arrival.record)
            if isinstance(arrival.record, Began):
                self.dated.update(arrival.record.alerts)
            elif isinstance(arrival.record, Lasting):
                self.rules = arrival.record.rules
        return [(1, START)]


def asking(server: Server, converged: Converged) -> tuple[Onsets, list[tuple[str, str]]]:
    counted: list[tuple[str, str]] = []
    return Onsets([server], converged, converged, lambda url, result: counted.append((url, result))), counted


async def test_what_is_new_is_recorded_once() -> None:
    """Rules and onsets become records when they are news, also for alerts that got more labels on their way."""
    converged = Converged({"alertname": "HostDown", "host": "a", "cluster": "eu"})
    server = Server(Active({"alertname": "HostDown", "host": "a"}, START - MINUTE))
    onsets, counted = asking(server, converged)
    await onsets.look()
    await onsets.look()
    (labels,) = converged.firing
    assert converged.records == [Lasting(server.url, (RULE,)), Began(server.url, ((labels, START - MINUTE),))]
    assert (server.asked, counted) == (1, [(server.url, "ok")] * 2)


async def test_what_cannot_be_its_own_is_left_alone() -> None:
    """Not another interval, not another host, not where `match` says that this Prometheus does not speak for it."""
    converged = Converged(
        {"alertname": "HostDown", "host": "a"},
        {"alertname": "HostDown", "host": "b"},
        {"alertname": "HostDown", "host": "c", "cluster": "elsewhere"},
    )
    server = Server(
        Active({"alertname": "HostDown", "host": "a"}, START + MINUTE),
        Active({"alertname": "HostDown", "host": "x"}, START),
        Active({"alertname": "HostDown", "host": "c"}, START),
    )
    onsets, _ = asking(server, converged)
    await onsets.look()
    assert not converged.dated


async def test_a_server_that_does_not_answer_is_counted() -> None:
    """Visible in the metrics, harmless for everything else, and over when it answers again."""
    converged = Converged({"alertname": "HostDown", "host": "a"})
    server = Server(Active({"alertname": "HostDown", "host": "a"}, START))
    onsets, counted = asking(server, converged)
    server.wrong = "no answer"
    await onsets.look()
    assert (counted, converged.records) == ([(server.url, "failed")], [])
    server.wrong = ""
    await onsets.look()
    assert counted[-1] == (server.url, "ok")
    assert converged.dated


async def test_a_storm_is_several_records() -> None:
    """No record of the journal is without a limit."""
    hosts = [{"alertname": "HostDown", "host": str(number)} for number in range(MAX_RECORD + 1)]
    converged = Converged(*hosts)
    onsets, _ = asking(Server(*(Active(labels, START) for labels in hosts)), converged)
    await onsets.look()
    assert [len(one.alerts) for one in converged.records if isinstance(one, Began)] == [MAX_RECORD, 1]


def test_an_unknown_alert_wakes() -> None:
    """What is not known is asked of at once; a copy of what is known is not."""
    converged = Converged({"alertname": "HostDown", "host": "a"})
    onsets, _ = asking(Server(), converged)
    known, new = (canonical({"alertname": "HostDown", "host": host}) for host in "ab")

    def arrives(labels: bytes, *, firing: bool) -> bool:
        onsets.hear([Entry(1, START, Delivered("am", (Alert(labels, firing, START, 0),)))])
        return onsets.woken

    assert not arrives(known, firing=True)
    assert not arrives(new, firing=False)
    assert arrives(new, firing=True)


def test_the_most_labels_win() -> None:
    """Of several alerts that could be meant, the one that says most."""
    index = Index([Active({"alertname": "A"}, START), Active({"alertname": "A", "host": "a"}, START + 1)])
    assert index.find("A", canonical({"alertname": "A", "host": "a", "cluster": "eu"}), Server()) == START + 1
    assert index.find("A", canonical({"alertname": "A", "host": "b"}), Server()) == START
