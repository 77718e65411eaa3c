"""The commands that ask a running healer, against its real HTTP side over a real store in memory."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.alerts.identity import canonical, fingerprint
from healer.cli.main import main
from healer.convergence.outcome import AlertView, Happening, Incident, Root
from healer.documents.fields import Secret
from healer.journey.ports import Planned
from healer.remediation.model import Plan, PlanStep
from healer.times import HOUR, MINUTE, SECOND
from healer.web.settings import Auth
from tests.integration.web.stand import NOW, Stand, standing

SWITCH = canonical({"alertname": "SwitchDown", "device": "core-1", "severity": "critical"})
HOSTS = [canonical({"alertname": "HostDown", "instance": f"h{n}", "severity": "critical"}) for n in (1, 2)]
TRACE = "ab" * 16

Healer = Callable[..., Awaitable[int]]


def view(labels: bytes, status: Any, **changes: Any) -> AlertView:
    alert = AlertView(
        labels=labels,
        node="switch/core-1" if status == "root" else "host/h1",
        status=status,
        code="below root",
        by=b"" if status == "root" else SWITCH,
        starts_at=NOW,
        onset=NOW - MINUTE,
        ended_at=0,
        resolution="",
        severity="critical",
        incident="abc123",
        held_until=0,
    )
    return msgspec.structs.replace(alert, **changes)


INCIDENT = Incident(
    id="abc123",
    trace_id=TRACE,
    status="open",
    severity="critical",
    title="switch core-1 down",
    root=Root(
        labels=SWITCH,
        name="SwitchDown",
        node="switch/core-1",
        beneath="",
        severity="critical",
        hard=True,
        starts_at=NOW,
        onset=NOW - MINUTE,
        onset_from="for",
    ),
    began_at=NOW,
    opened_at=NOW + 15 * SECOND,
    resolved_at=0,
    firing=3,
    members=0,
    suppressed=2,
    total=3,
    told=True,
    revision=1,
)
PLAN = Plan(
    hash="f" * 64,
    incident="abc123",
    trace_id=TRACE,
    root=SWITCH,
    root_starts_at=NOW,
    rule="restart it",
    rule_version="1",
    mode="suggest",
    steps=(PlanStep("restart_service", "ssh", "host/h1", ("/usr/bin/systemctl", "restart", "a b"), 60 * SECOND),),
    because=("severity is critical",),
    capped_by="dry run",
)
TIMELINE = (
    Happening("abc123", NOW, "detect", "arrived", {"alertname": "SwitchDown", "node": "switch/core-1", "at": "0"}),
    Happening("abc123", NOW, "converge", "opened", {"suppressed": "2", "members": "0"}),
    Happening("abc123", NOW, "verify", "not_verified", {"what": "restart a", "detail": "no data"}),
)


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """A healer with one incident of three alerts and one remediation."""
    async with standing() as (stand, _):
        stand.view.known = [view(SWITCH, "root"), *(view(host, "suppressed") for host in HOSTS)]
        planned = (Planned("de00ad", PLAN, "suggested", NOW + HOUR, "dry run"),)
        await stand.decide(incidents=(INCIDENT,), timeline=TIMELINE, planned=planned)
        yield stand


@pytest.fixture
async def healer(stand: Stand) -> Healer:
    """Runs a command, as the operator types it, against the stand."""

    async def run(*words: str) -> int:
        return await asyncio.to_thread(main, [*words, "--url", stand.url])

    return run


Captured = pytest.CaptureFixture[str]


async def test_incidents_are_listed(healer: Healer, capsys: Captured, stand: Stand) -> None:
    """One line an incident with all that one needs to go on, and where it was asked."""
    assert await healer("incidents", "list") == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split()[:6] == ["abc123", "open", "critical", "3", "of", "3"]
    assert "SwitchDown on switch/core-1" in captured.out
    assert captured.err.strip() == f"healer at {stand.url}"
    assert await healer("incidents", "list", "--status", "resolved") == 0
    assert capsys.readouterr().out == "no incidents\n"
    assert await healer("incidents", "list", "--filter", 'device="core-2"') == 0
    assert capsys.readouterr().out == "no incidents\n"


async def test_what_can_be_listed_is_listed_by_the_command_alone(healer: Healer, capsys: Captured) -> None:
    """With options as without; a word that is no way of it is still a mistake."""
    assert await healer("incidents") == await healer("incidents", "list") == 0
    alone, listed = capsys.readouterr().out.split("ID ")[1:]
    assert alone == listed
    assert await healer("incidents", "--status", "resolved") == 0
    assert capsys.readouterr().out == "no incidents\n"
    assert await healer("incidents", "open") == 2


async def test_an_incident_is_shown_with_what_it_explains(healer: Healer, capsys: Captured) -> None:
    for id in ("abc123", "last"):
        assert await healer("incidents", "show", id) == 0
        said = capsys.readouterr().out
        assert said.startswith("switch core-1 down\n")
        assert "1 root explains 2 alerts; 3 still firing" in said
        assert "restart it: dry run" in said
        assert fingerprint(HOSTS[0]) in said
        assert TRACE in said


async def test_alerts_beyond_the_limit_are_counted(healer: Healer, capsys: Captured) -> None:
    assert await healer("incidents", "show", "last", "--alerts", "1") == 0
    captured = capsys.readouterr()
    assert fingerprint(SWITCH) in captured.out
    assert fingerprint(HOSTS[0]) not in captured.out
    assert "and 2 more; --alerts 3 shows all" in captured.err


async def test_a_report_tells_what_happened_in_its_order(healer: Healer, capsys: Captured) -> None:
    assert await healer("incidents", "report", "abc123") == 0
    said = capsys.readouterr().out
    happened, _, done = said[said.index("What happened") :].partition("\nWhat was decided and done")
    lines = [line.split(maxsplit=2)[2] for line in happened.splitlines()[2:] if line]
    assert lines == [
        "SwitchDown arrived on switch/core-1",
        "opened, with 2 more alerts",
        "restart a not verified: no data",
    ]
    assert done


async def test_what_is_not_there_is_said(healer: Healer, capsys: Captured) -> None:
    assert await healer("incidents", "show", "zzz") == 1
    assert capsys.readouterr().err.endswith("healer: healer says: there is no incident zzz\n")
    assert await healer("why", "0123456789abcdef") == 1
    assert "no alert has the fingerprint" in capsys.readouterr().err
    assert await healer("remediation", "show", "zzz") == 1
    assert "no remediation zzz" in capsys.readouterr().err


@pytest.mark.parametrize("said", [fingerprint(SWITCH), "alertname=SwitchDown", 'device="core-1",severity=critical'])
async def test_why_takes_a_fingerprint_or_labels(said: str, healer: Healer, capsys: Captured) -> None:
    assert await healer("why", said) == 0
    told = capsys.readouterr().out
    assert told.startswith("SwitchDown: root\n  root: below root\n  second sentence\n")
    assert "switch/core-1" in told


async def test_why_names_the_root_that_explains(healer: Healer, capsys: Captured) -> None:
    assert await healer("why", "instance=h2") == 0
    assert fingerprint(SWITCH) in capsys.readouterr().out


async def test_why_asks_back_when_several_are_meant(healer: Healer, capsys: Captured) -> None:
    assert await healer("why", "alertname=HostDown") == 1
    said = capsys.readouterr().err
    assert "2 alerts have these labels; say which:" in said
    assert all(fingerprint(host) in said for host in HOSTS)
    assert await healer("why", "alertname=Nothing") == 1
    assert "no alert has the labels alertname=Nothing" in capsys.readouterr().err


async def test_a_matcher_that_cannot_be_read_is_the_callers_mistake(healer: Healer, capsys: Captured) -> None:
    assert await healer("alerts", "--filter", 'a=~"("') == 2
    assert "is no regular expression" in capsys.readouterr().err


async def test_alerts_are_listed_by_status(healer: Healer, capsys: Captured) -> None:
    assert await healer("alerts", "--status", "suppressed", "--limit", "1") == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert "1 of 2 alerts; --limit 2 shows all" in captured.err


async def test_lists_are_read_page_by_page(healer: Healer, stand: Stand, capsys: Captured) -> None:
    """More than a page of the API is listed when it is asked for."""
    stand.view.known = [view(canonical({"alertname": "X", "n": str(n)}), "held") for n in range(1_500)]
    assert await healer("alerts", "--limit", "1400", "--json") == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    assert len({each["fingerprint"] for each in found["items"]}) == 1400
    assert found["total"] == 1500


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("incidents", "list"), "items"),
        (("incidents", "show", "last"), "alerts"),
        (("incidents", "report", "last"), "timeline"),
        (("alerts",), "items"),
        (("why", "device=core-1"), "because"),
        (("remediation", "list"), "items"),
        (("remediation", "show", "de00ad"), "steps"),
        (("doctor",), "items"),
        (("pause",), "under_way"),
        (("resume",), "paused"),
    ],
)
async def test_every_listing_has_json(words: tuple[str, ...], key: str, healer: Healer, capsys: Captured) -> None:
    """With --json standard output is one JSON value and nothing else."""
    assert await healer(*words, "--json") in (0, 1)
    assert key in msgspec.json.decode(capsys.readouterr().out)


async def test_remediations_are_listed_and_shown(healer: Healer, capsys: Captured) -> None:
    assert await healer("remediation", "list", "--incident", "abc123") == 0
    assert "suggest" in capsys.readouterr().out
    assert await healer("remediation", "show", "de00ad") == 0
    said = capsys.readouterr().out
    assert said.startswith("restart it: suggested\n")
    assert "/usr/bin/systemctl restart 'a b'" in said
    assert "severity is critical" in said


async def test_the_kill_switch_is_thrown_and_released(healer: Healer, stand: Stand, capsys: Captured) -> None:
    """Pause and resume say what they are about, who did it is kept, and what stays paused is said."""
    assert await healer("pause", "--rule", "restart it", "--why", "it flaps", "--by", "kim") == 0
    assert "Paused: restart it." in capsys.readouterr().out
    assert await healer("pause") == 0
    assert "Paused: everything." in capsys.readouterr().out
    switches = {switch.scope: switch for switch in await stand.store.switches()}
    assert switches["rule:restart it"].by == "kim"
    assert switches["rule:restart it"].why == "it flaps"
    assert switches["all"].thrown
    assert await healer("resume") == 0
    said = capsys.readouterr().out
    assert "Resumed: everything." in said
    assert "Still paused: rule:restart it, by kim: it flaps" in said
    assert await healer("doctor") == 1
    assert "paused (rule:restart it)" in capsys.readouterr().out


async def test_a_list_of_what_is_paused_pauses_nothing(healer: Healer, stand: Stand, capsys: Captured) -> None:
    """Whoever wants to know what is paused does not stop anything by asking, and reads what to type to end it."""
    assert await healer("pause", "--list") == 0
    assert "nothing is paused" in capsys.readouterr().out
    assert await stand.store.switches() == []
    assert await healer("pause", "--rule", "restart it", "--why", "it flaps", "--by", "kim") == 0
    capsys.readouterr()
    assert await healer("pause", "--list") == 0
    said = capsys.readouterr().out
    for part in ("rule:restart it", "kim", "it flaps", "healer resume --scope 'rule:restart it'"):
        assert part in said


async def test_a_pause_file_is_shown(capsys: Captured) -> None:
    """A file that stops everything is listed, and no switch is needed for that; what was resumed beside it stays stopped."""
    async with standing(halted=lambda: "the file /stop is there") as (stand, _):
        for words, said in (
            (["pause", "--list"], "Paused: everything: the file /stop is there"),
            (["resume"], "Still paused: the file /stop is there"),
            (["doctor"], "paused: the file /stop is there"),
        ):
            await asyncio.to_thread(main, [*words, "--url", stand.url])
            assert said in capsys.readouterr().out


@pytest.mark.parametrize(
    ("doubt", "code"), [("", 0), ("no cluster is called 'nroth' now, so nothing is stopped by this", 1)]
)
async def test_a_slip_of_the_pen_does_not_look_as_if_it_had_stopped_anything(
    doubt: str, code: int, capsys: Captured
) -> None:
    """It is written all the same, the exit code says so, and so do the list and the doctor until somebody takes it back."""
    async with standing(doubt=lambda _: doubt) as (stand, _):
        url = ["--url", stand.url]
        assert await asyncio.to_thread(main, ["pause", "--cluster", "nroth", *url]) == code
        said = capsys.readouterr().out
        assert (doubt in said and "Paused" not in said) if doubt else "Paused: cluster:nroth." in said
        assert [switch.thrown for switch in await stand.store.switches()] == [True]
        assert await asyncio.to_thread(main, ["pause", "--cluster", "nroth", "--json", *url]) == code
        assert json.loads(capsys.readouterr().out)["doubt"] == (doubt or None)
        for again in (["pause", "--list"], ["doctor"]):
            await asyncio.to_thread(main, [*again, *url])
            assert doubt in capsys.readouterr().out
        assert await asyncio.to_thread(main, ["resume", "--cluster", "nroth", *url]) == 0
        assert "Careful" not in capsys.readouterr().out


async def test_what_was_never_paused_is_not_resumed(healer: Healer, capsys: Captured) -> None:
    assert await healer("resume", "--scope", "rule:never") == 0
    assert "never was not paused" in capsys.readouterr().out


async def test_what_is_under_way_is_listed_with_a_pause(healer: Healer, stand: Stand, capsys: Captured) -> None:
    await stand.decide(planned=(Planned("beef01", PLAN, "planned", NOW + HOUR),))
    assert await healer("pause") == 0
    said = capsys.readouterr().out
    assert "Still under way" in said
    assert "beef01" in said
    assert "de00ad" not in said


async def test_a_token_opens_the_door(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the command says how to give them; a file, or the environment, gives them."""
    token = tmp_path / "token"
    token.write_text("open sesame\n".replace(" ", "-"))
    async with standing(auth=Auth(bearer=(Secret("open-sesame"),))) as (stand, _):
        asked = ["incidents", "list", "--url", stand.url]
        assert await asyncio.to_thread(main, asked) == 2
        assert "asks for credentials: give --token-file FILE, or set HEALER_TOKEN_FILE" in capsys.readouterr().err
        assert await asyncio.to_thread(main, [*asked, "--token-file", str(token)]) == 0
        monkeypatch.setenv("HEALER_TOKEN_FILE", str(token))
        monkeypatch.setenv("HEALER_URL", stand.url)
        assert await asyncio.to_thread(main, ["incidents", "list"]) == 0
        assert f"healer at {stand.url}" in capsys.readouterr().err


async def test_the_doctor_finds_what_is_wrong(healer: Healer, stand: Stand, capsys: Captured) -> None:
    """A healer without heartbeat whose clock is far off is no healthy one; what has no node is named when many have none."""
    assert await healer("doctor") == 1
    said = capsys.readouterr().out
    assert "x the Watchdog, healer's heartbeat, does not come in" in said
    assert "things to mend." in said or "thing to mend." in said


async def test_the_doctor_says_why_it_is_not_ready(healer: Healer, stand: Stand, capsys: Captured) -> None:
    stand.view.not_ready = "the journal is being read"
    assert await healer("doctor") == 1
    assert "x healer is not ready: the journal is being read" in capsys.readouterr().out
