"""`healer replay` on what a real service wrote: while it runs, on a copy, after somebody changed it, and on what `healer backup`
and `healer restore` made of it, in either database."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from healer.cli.main import main
from healer.cli.recording import recorded
from healer.rehearsal.generators import Storm, storms
from healer.seams import SystemClock
from healer.store.backups import back_up
from healer.store.opening import open_store
from healer.store.past import open_past
from healer.store.settings import Store as Place
from healer.times import format_rfc3339
from tests.contracts.store.meanwhile import meanwhile
from tests.servers.healer import Healer
from tests.servers.postgres import Postgres
from tests.servers.process import post

HEALER = (sys.executable, "-c", "import sys; from healer.cli.main import main; sys.exit(main())")
CONFIG = """server: {listen: "127.0.0.1:9099"}
store: {url: "sqlite:///data/healer.db"}
place: only
topology: {sources: [{file: topology.json}]}
convergence: {hold: {default: 1s, critical: 1s}, settle: 2s}
journal: {snapshot_every: 100}
watchdog: {missing_after: 1d}
"""


class Said(NamedTuple):
    code: int
    answer: Any
    errors: str


class Lived(NamedTuple):
    """A healer that has seen a storm, and died and come back in the middle of it."""

    healer: Healer
    storm: Storm

    @property
    def data(self) -> Path:
        return self.healer.folder / "data"


def replay(*words: str, hash_seed: str = "0") -> Said:
    done = subprocess.run(
        [*HEALER, "replay", "--json", *words],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Said(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("lived")
    storm = next(storms("rack-power", 4, 300))
    graph = {
        "nodes": [{"id": node} for node in storm.nodes],
        "edges": [{"source": parent, "target": child} for parent, child in storm.edges],
    }
    healer = Healer(folder / "healer", CONFIG, files={"topology.json": json.dumps(graph)})
    with healer:
        send(healer, storm, 0, 1)
        healer.kill()
        healer.start()
        send(healer, storm, 1, 2)
        healer.restart()
        send(healer, storm, 0, 2)
        yield Lived(healer, storm)


def send(healer: Healer, storm: Storm, first: int, last: int) -> None:
    """Halves of the storm, in requests of different sizes, and wait until they are decided."""
    recording = recorded(storm, "")
    told = [told for _, told in recording.schedule(time.time_ns() // 1_000) if told.firing]
    half = len(told) // 2
    some = [one.posted for one in told[half * first : half * last or None]]
    while some:
        batch, some = some[: len(some) // 3 + 1], some[len(some) // 3 + 1 :]
        post(f"{healer.url}/api/v2/alerts", json.dumps(batch).encode(), within=30)
    healer.api("alerts?limit=0")


def test_the_same_journal_gives_the_same_steps_in_any_process(lived: Lived) -> None:
    """While the service runs, in two processes that hash differently: every step the same, over a kill and a restart."""
    one = replay("--data", str(lived.data), hash_seed="0")
    two = replay("--data", str(lived.data), hash_seed="4711")
    assert (one.code, two.code) == (0, 0), one
    assert one.answer["same"] is True
    assert one.answer["from_snapshot"] is None
    assert one.answer["records"] >= 10
    assert two.answer["steps"] >= one.answer["steps"] > 5
    assert lived.healer.answers()


def test_a_copy_is_proven_without_its_service(lived: Lived, tmp_path: Path) -> None:
    """A copy, by SQLite's own means, of the data of a service that runs."""
    copy(lived, tmp_path / "healer.db")
    assert replay("--data", str(tmp_path / "healer.db")).code == 0
    recent = replay("--data", str(tmp_path), "--since", "1h", "--until", format_rfc3339(1 << 51))
    assert (recent.code, recent.answer["same"]) == (0, True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE step SET digest = 'another' WHERE number = 5",
        "UPDATE journal SET at = at + 600000000 WHERE position = 4",
        "DELETE FROM journal WHERE position = 4",
    ],
)
def test_a_past_that_was_changed_is_found(lived: Lived, tmp_path: Path, change: str) -> None:
    """Exit 1, and the first step that comes out otherwise, or the record that is missing."""
    copy(lived, tmp_path / "healer.db")
    with sqlite3.connect(tmp_path / "healer.db") as database:
        database.execute(change)
    database.close()
    found = replay("--data", str(tmp_path))
    assert found.code == 1
    assert found.answer["same"] is False
    assert found.answer["gap"] or found.answer["difference"]["step"] >= 3


def test_documents_that_are_gone_are_named(lived: Lived, tmp_path: Path) -> None:
    """Without what decided then nothing can be decided again: exit 1, and no traceback."""
    copy(lived, tmp_path / "healer.db")
    with sqlite3.connect(tmp_path / "healer.db") as database:
        database.execute("DELETE FROM version WHERE kind = 'settings'")
    database.close()
    found = replay("--data", str(tmp_path))
    assert (found.code, found.answer) == (1, None)
    assert "lost a document" in found.errors


def test_another_topology_would_have_had_other_roots(lived: Lived, tmp_path: Path) -> None:
    """What if nobody had known the rack's edges? Nothing is sent, and the service's own incidents stay as they are."""
    before = lived.healer.api("incidents")
    root = lived.storm.roots[0]
    graph = {
        "nodes": [{"id": node} for node in lived.storm.nodes],
        "edges": [{"source": a, "target": b} for a, b in lived.storm.edges if a != root],
    }
    (tmp_path / "topology.json").write_text(json.dumps(graph))
    found = replay("--data", str(lived.data), "--topology", str(tmp_path / "topology.json"))
    assert found.code == 0, found.errors
    assert found.answer["before"]["incidents"] == 1
    assert found.answer["after"]["incidents"] > 1
    assert found.answer["after"]["compression"] < found.answer["before"]["compression"]
    assert any(change["what"] == "new" for change in found.answer["changes"])
    assert lived.healer.api("incidents") == before


def test_what_is_called_wrong_is_said(lived: Lived, tmp_path: Path) -> None:
    """Exit 2: no data, a setting that is none, a time that is none."""
    for words in (
        ["--data", str(tmp_path / "nothing")],
        ["--data", str(lived.data), "--set", "windw=5m"],
        ["--data", str(lived.data), "--since", "yesterday"],
        ["--data", str(lived.data), "--as-was", "--set", "window=5m"],
    ):
        assert replay(*words).code == 2, words


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command that must succeed says as JSON."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], why: str, *words: str) -> None:
    """That a command does nothing and says why."""
    assert main(list(words)) in (1, 2)
    told = capsys.readouterr()
    assert (told.out, re.search(why, told.err) is not None) == ("", True), told.err


def decided(capsys: pytest.CaptureFixture[str], data: str) -> tuple[int, int]:
    """How many steps of how many records: all decided the same way again, with an audit log that is sound."""
    proof = said(capsys, "replay", "--data", data)
    assert proof["same"] is True
    assert said(capsys, "audit", "verify", "--data", data)["good"] is True
    return proof["steps"], proof["records"]


def test_a_backup_is_the_way_between_the_databases(
    lived: Lived, server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From SQLite that is in use into a file, onto a server, and back: everywhere the same decisions, and all of it."""
    file, again, folder, url = (
        str(tmp_path / "one.db"),
        str(tmp_path / "two.db"),
        tmp_path / "data",
        server.schema("one"),
    )
    backed_up = said(capsys, "backup", file, "--data", str(lived.data))
    before = decided(capsys, file)
    assert before > (5, 10)
    moved = said(capsys, "restore", file, "--data", url)
    assert decided(capsys, url) == before
    said(capsys, "backup", again, "--data", url)
    restored = said(capsys, "restore", again, "--data", str(folder))
    assert decided(capsys, str(folder)) == before
    assert backed_up["rows"] == moved["rows"] == restored["rows"]
    assert backed_up["installation"] == moved["installation"] == restored["installation"]


async def test_a_server_goes_on_where_the_backup_ends(
    lived: Lived, server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the database numbers by itself gets the next number; a store in use is backed up as of one moment, and never
    restored into."""
    file, url = str(tmp_path / "file"), server.schema("going_on")
    main(["backup", file, "--data", str(lived.data)])
    main(["restore", file, "--data", url])
    capsys.readouterr()
    store = open_store(url, SystemClock(), installation="another")
    before = await store.entries(0, 1_000)
    await store.act("probe", {}, now=1)
    assert [entry.number for entry in await store.entries(before[-1].number, 10)] == [before[-1].number + 1]
    kept = await asyncio.to_thread(back_up, Place(url=url), tmp_path / "more", meanwhile(store))
    assert kept.rows["audit"] == len(before) + 1
    past = open_past(tmp_path / "more")
    assert [(head.place, head.digest) for head in await past.heads()] == [
        (entry.place, entry.digest) for entry in (await past.entries(0, 1_000))[-1:]
    ]
    await past.close()
    refused(capsys, r"a healer that may be at work.*name an empty database", "restore", file, "--data", url)
    await store.close()


def test_a_server_that_cannot_be_used_is_said(
    server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each refusal says what to do."""
    file, empty, nobody = str(tmp_path / "file"), server.schema("nothing"), "postgresql://healer@127.0.0.1:9/healer"
    refused(capsys, r"nothing is in it.*is it the right one", "backup", file, "--data", empty)
    refused(capsys, r"[Cc]onnection refused.*look at the address", "replay", "--data", nobody)
    refused(capsys, r"there is no .*file", "restore", file, "--data", empty)
    with_password = nobody.replace("healer@", "healer:secret@")
    refused(capsys, r"a password does not stand in a URL", "audit", "verify", "--data", with_password)
    refused(capsys, r"not both", "backup", file, "--data", empty, "--config", "healer.yaml")


def test_a_configuration_names_the_store_as_well(
    lived: Lived, server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--config` is where replay and audit look, and the doctor says whether the server lets healer in."""
    url, config = server.schema("named"), tmp_path / "healer.yaml"
    config.write_text(f'store: {{url: "{url}"}}')
    main(["doctor", "--config", str(config), "--url", lived.healer.url])
    assert f"nothing of healer's in {url}" in capsys.readouterr().out
    main(["backup", str(tmp_path / "file"), "--data", str(lived.data)])
    main(["restore", str(tmp_path / "file"), "--config", str(config)])
    capsys.readouterr()
    assert said(capsys, "replay", "--as-was", "--config", str(config))["same"] is True
    assert said(capsys, "audit", "verify", "--config", str(config))["good"] is True
    main(["doctor", "--config", str(config), "--url", lived.healer.url])
    assert f"{url} lets healer in" in capsys.readouterr().out


def copy(lived: Lived, file: Path) -> None:
    with sqlite3.connect(lived.data / "healer.db") as source, sqlite3.connect(file) as target:
        source.backup(target)
    source.close()
    target.close()
