"""`healer storm`: which storms there are, how they are written to files, and when nothing is sent."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.alerts.decode import decode_api_v2, decode_webhook
from healer.alerts.limits import Limits
from healer.cli.main import main
from healer.cli.recording import MARK, Recorded, Recording, as_webhook, from_case, recorded
from healer.rehearsal.generators import KINDS, storms
from healer.times import HOUR, SECOND
from healer.topology.sources.file import read_topology

NOW = 1_000 * HOUR
BRIEF = Recording(
    "brief",
    "A host flaps.",
    "host/a",
    (
        Recorded(0, {"alertname": "HostDown"}, "", until=10),
        Recorded(12, {"alertname": "HostDown"}, ""),
        Recorded(3, {"alertname": "Slow"}, "", told=5),
    ),
    again="--kind x",
)


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return msgspec.json.decode(capsys.readouterr().out)


def test_all_kinds_are_listed_with_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["storm", "--list", "--json"]) == 0
    assert {one["kind"]: one["what"] for one in said(capsys)["items"]} == KINDS
    assert main(["storm", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(kind in listed for kind in KINDS)


def test_a_generated_storm_is_written_and_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The case is the generator's, byte for byte; the topology is one that healer reads; no healer has to run."""
    case, graph = tmp_path / "case.json", tmp_path / "topology.json"
    assert main(["storm", "--kind", "switch", "--seed", "7", "--write", str(case), "--topology", str(graph)]) == 0
    storm = next(storms("switch", 7))
    assert case.read_bytes() == storm.encode()
    assert set(read_topology([graph]).edges) == set(storm.edges)
    assert f"cause {storm.roots[0]}" in capsys.readouterr().out
    assert from_case(case.read_bytes(), "case.json").roots == storm.roots


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--kind", "earthquake"], "invalid choice"),
        (["--kind", "switch", "--size", "0"], "1 to"),
        (["--write", "x.json"], "say --kind too"),
        (["--kind", "switch", "--case", "x.json"], "say one of them"),
        (["--case", "missing.json"], "cannot be read"),
        (["--kind", "dns", "--speed", "fast"], "write 1x, 10x or more"),
        (["--kind", "dns", "--speed", "0.1x"], "nothing is slower than life"),
        (["--kind", "dns", "--url", "http://192.0.2.1:9099"], "add --yes"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Called wrong: exit 2, with what to write instead."""
    assert main(["storm", *words]) == 2
    assert why in capsys.readouterr().err


def test_what_happens_is_told_in_its_order() -> None:
    """An alert that ends and fires again in one slice is told as it happened; one that is told late, late."""
    assert [at for at, _ in BRIEF.schedule(NOW)] == [0, 5, 10, 12]
    told = [told for _, told in BRIEF.schedule(NOW)]
    assert [
        (one.firing, one.posted["labels"]["alertname"]) for one in told if isinstance(one.posted["labels"], dict)
    ] == [
        (True, "HostDown"),
        (True, "Slow"),
        (False, "HostDown"),
        (True, "HostDown"),
    ]


@pytest.mark.parametrize("webhook", [False, True])
def test_healer_reads_what_is_sent(webhook: bool) -> None:
    """By either door the same alerts arrive, marked as a drill, none of them in the future; what ended is over."""
    told = [told for _, told in BRIEF.schedule(NOW)]
    if webhook:
        batch = decode_webhook(msgspec.json.encode(as_webhook(told)), Limits(), NOW)
    else:
        batch = decode_api_v2(msgspec.json.encode([one.posted for one in told]), Limits(), NOW, "test")
    assert not batch.refusals
    assert [alert.firing for alert in batch.alerts] == [True, True, False, True]
    assert [alert.starts_at for alert in batch.alerts] == [NOW - 12 * SECOND, NOW - 9 * SECOND, NOW - 12 * SECOND, NOW]
    assert batch.alerts[2].ends_at == NOW - 2 * SECOND
    assert all(f'"{MARK}":"brief"'.encode() in alert.labels for alert in batch.alerts)


def test_a_resolution_names_each_alert_once() -> None:
    assert [one.posted["labels"] for one in BRIEF.resolved(NOW)] == [
        {"alertname": "HostDown", MARK: "brief"},
        {"alertname": "Slow", MARK: "brief"},
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_generated_storm_is_sent_whole(kind: str) -> None:
    """Every alert of it once, in proportion to how it happened, with a sender's wrong clock left wrong."""
    storm = next(storms(kind, 2))
    recording = recorded(storm, f"--kind {kind}")
    told = [told for _, told in recording.schedule(NOW) if told.firing]
    assert len(told) == len(storm.alerts)
    assert recording.roots == storm.roots


def test_a_case_without_alerts_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to send"):
        from_case(b'{"alerts": []}', "empty.json")
