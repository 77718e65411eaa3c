"""The audit log over HTTP and at the command line: what is listed, exported and verified is what was written."""

import argparse
import asyncio
import io
from pathlib import Path

import msgspec
import pytest

from healer.cli import audit, incidents
from healer.cli.failure import Failure
from healer.cli.main import parser_of
from healer.cli.output import Output
from healer.journey.ports import Planned
from healer.reload import Reloaded
from healer.remediation.ports import Switch
from tests.integration.web.stand import NOW, Stand, incident, standing
from tests.integration.web.test_approving import ASKING, AUTH


async def typed(stand: Stand, *words: str) -> tuple[int, str]:
    """Exit code and output of `healer audit WORDS`."""
    arguments = parser_of("audit", audit).parse_args([*words, "--url", stand.url])
    return await answered(audit.run, arguments)


async def answered(run: object, arguments: argparse.Namespace) -> tuple[int, str]:
    out = io.StringIO()
    assert callable(run)
    code = await asyncio.to_thread(run, arguments, Output(out, io.StringIO()))
    return code, out.getvalue()


async def test_what_was_written_is_listed_and_verified(tmp_path: Path) -> None:
    """Newest last; of one incident when it is named; good until somebody changes a row."""
    async with standing() as (stand, _):
        planned = Planned("rem-1", ASKING, "awaiting_approval", NOW)
        await stand.decide(incidents=(incident(),), planned=(planned,))
        await stand.store.throw(Switch("all", thrown=True, by="ann", why="a drill", at=NOW))
        code, said = await typed(stand, "list")
        assert code == 0
        assert "2026-01-07T10:00:00  switch thrown" in said.splitlines()[-1]
        assert said.splitlines()[-1].endswith("by ann, scope all, why a drill")
        _, of_one = await typed(stand, "list", "--incident", "inc-1")
        assert "remediation awaiting_approval" in of_one
        assert "switch" not in of_one
        assert (await typed(stand, "verify"))[0] == 0
        code, said = await typed(stand, "export")
        (tmp_path / "export").write_text(said)
        assert (await typed(stand, "verify", "--export", str(tmp_path / "export")))[0] == 0
        (tmp_path / "export").write_text(said.replace("ann", "bob"))
        code, said = await typed(stand, "verify", "--export", str(tmp_path / "export"))
        assert (code, "place 2: it, or what stood before it, is not what was written" in said) == (1, True)
        await stand.store.run.write(
            "tamper", lambda one: one.raw.execute("UPDATE audit SET detail = '{' WHERE number = 1")
        )
        code, said = await typed(stand, "verify", "--json")
        assert (code, msgspec.json.decode(said)["findings"][0]["place"]) == (1, 1)


async def test_many_entries_come_page_by_page() -> None:
    """More than a page is verified whole."""
    async with standing() as (stand, client):
        for number in range(30):
            await stand.store.throw(Switch(f"rule:{number}", thrown=True, by="ann", why="", at=NOW))
        seen, cursor = 0, ""
        while True:
            async with client.get(
                "/api/v1/audit", params={"limit": "7"} | ({"cursor": cursor} if cursor else {})
            ) as got:
                page = await got.json()
            seen += len(page["items"])
            cursor = page["next"]
            if not cursor:
                break
        assert (seen, page["total"]) == (30, 30)
        async with client.get("/api/v1/audit", params={"newest": "0x"}) as got:
            assert got.status == 400


async def test_a_report_tells_what_was_decided_and_done() -> None:
    """From the records: the plan with its reasons, and who may have agreed."""
    async with standing() as (stand, _):
        plan = msgspec.structs.replace(ASKING, incident="inc1")
        planned = Planned("rem-1", plan, "awaiting_approval", NOW)
        await stand.decide(incidents=(incident("inc1"),), planned=(planned,))
        arguments = parser_of("incidents", incidents).parse_args(["report", "last", "--url", stand.url])
        code, said = await answered(incidents.run, arguments)
    assert code == 0
    after = said.partition("What was decided and done")[2]
    assert "remediation awaiting_approval" in after
    assert f"plan {ASKING.hash}" in after
    assert "rule's version" in after


async def test_acts_without_a_transaction_of_their_own_are_entries() -> None:
    """A reload and an answer that was refused: who, and why, before anything came of it."""

    async def again() -> Reloaded:
        return Reloaded((), (), ())

    async with standing(reload=again, auth=AUTH) as (stand, client):
        planned = Planned("rem-1", ASKING, "awaiting_approval", NOW + 1)
        await stand.decide(incidents=(incident(),), planned=(planned,))
        for path, token, status in (("/-/reload", "t-root", 200), ("/api/v1/remediations/rem-1/approve", "t-web", 403)):
            async with client.post(path, headers={"Authorization": f"Bearer {token}"}) as response:
                assert response.status == status
        entries = await stand.store.entries(1, 10)
    assert [(one.kind, msgspec.json.decode(one.detail)["by"]) for one in entries] == [
        ("reload asked for", "root"),
        ("answer refused", "web"),
    ]
    assert "sre is asked, and web is not one of them" in entries[1].detail


@pytest.mark.parametrize("words", [("list", "--limit", "0"), ("verify", "--data", "a", "--export", "b")])
async def test_what_cannot_be_meant(words: tuple[str, ...]) -> None:
    """Says so, before anything is read."""
    async with standing() as (stand, _):
        with pytest.raises(Failure):
            await typed(stand, *words)
