"""The first minute of a newcomer: `healer serve` on the quickstart, `healer storm`, one incident."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from healer.cli.recording import load

ROOT = Path(__file__).parents[3]
WAIT_S = 30
FULL = 33_000
"""Bytes: the index of SQLite's log fits in, the log that a killed healer leaves behind does not."""
HEALER = (sys.executable, "-c", "import sys; from healer.cli.main import main; sys.exit(main())")


def healer(*words: str, largest_file: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
    """Run a command. No file that it writes may grow beyond `largest_file` bytes, as on a disk that is full."""
    return subprocess.run(
        [*HEALER, *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY)),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
        cwd=ROOT,
    )


class Served:
    """A healer on a copy of the quickstart, on a free port, with its own data and a short hold."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT / "deploy" / "quickstart", folder / "quickstart")
        self.config = folder / "quickstart" / "healer.yaml"
        text = self.config.read_text()
        for old, new in (
            ("9099", "0"),
            ("../../data", "data"),
            ("default: 20s, critical: 15s", "default: 3s, critical: 3s"),
        ):
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text)
        self.told = folder / "told"
        with self.told.open("w") as out, (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [*HEALER, "serve", "--config", str(self.config)],
                stdout=out,
                stderr=log,
                cwd=ROOT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    def url(self) -> str:
        """Where it says that it listens."""
        for _ in range(WAIT_S * 10):
            found = re.search(r"healer listens on (\S+)", self.told.read_text())
            if found:
                return found[1]
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError((self.told.parent / "log").read_text())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_hundreds_of_alerts_become_one_incident(served: Served) -> None:
    """What `make run` tells a newcomer to type works, and its result is one incident and one message."""
    url = served.url()
    assert f"storm --url {url}" in served.told.read_text()
    storm = healer("storm", "--seconds", "1", "--url", url)
    assert storm.returncode == 0, storm.stderr + storm.stdout
    assert "309 alerts became 1 incident:" in storm.stdout
    listed = msgspec.json.decode(healer("incidents", "list", "--json", "--url", url).stdout)
    assert listed["total"] == 1
    (incident,) = listed["items"]
    assert incident["root"]["node"] == load("core-switch").root
    assert incident["alert_count"] == 309
    hidden = re.search(r"why ([0-9a-f]{16})", storm.stdout)
    assert hidden
    assert healer("why", hidden[1], "--url", url).stdout.startswith("HighErrorRate: suppressed\n")
    assert served.told.read_text().count("\n* [") == 1
    assert "* [CRIT broken] switch core-1 down" in served.told.read_text()
    assert healer("storm", "--resolve", "--url", url).stdout == "The storm is over.\n"
    assert healer("incidents", "list", "--status", "open", "--url", url).stdout == "no incidents\n"
    assert served.stop() == 0


def test_a_second_healer_on_the_same_data_refuses_to_start(served: Served) -> None:
    """It says who holds the data, and what to do about it."""
    served.url()
    second = healer("serve", "--config", str(served.config))
    assert second.returncode == 1
    assert f"is in use by process {served.process.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert served.stop() == 0


def test_a_start_on_a_full_disk_says_so(served: Served) -> None:
    """It ends with the store's own sentence, so that whoever restarts healer tries again and its log stays readable."""
    served.url()
    served.process.kill()
    served.process.wait()
    started = healer("serve", "--config", str(served.config), largest_file=FULL)
    assert started.returncode == 1
    assert re.search(r"cannot start: store\.url .*(disk|full)", started.stderr), started.stderr
    assert "Traceback" not in started.stderr


def test_a_bad_rule_is_said_once(served: Served) -> None:
    """In the reason why nothing starts, not in the log as well."""
    (served.config.parent / "rules" / "own.heal").write_text('rule "x"\n  on event: "A"\n  when: nosuch == 1\n')
    started = healer("serve", "--config", str(served.config))
    assert started.returncode == 1
    assert started.stderr.count("`nosuch` is not a name of the language") == 1


def test_the_quickstart_is_a_good_configuration() -> None:
    """`healer check` finds nothing to say against it."""
    checked = healer("check", "--config", "deploy/quickstart/healer.yaml")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith("all good\n")


def test_a_bad_configuration_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "healer.yaml"
    file.write_text("place: shadw\n")
    started = healer("serve", "--config", str(file))
    assert started.returncode == 1
    assert "did you mean" in started.stderr or "shadow" in started.stderr
    assert "Traceback" not in started.stderr
