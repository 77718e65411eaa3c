"""What does a run on a real machine do, whatever the command does?"""

import asyncio
import os
import shlex
import sys
import time
from pathlib import Path

import msgspec
import pytest

from healer.executors.ssh import SshTarget
from healer.seams import SystemClock
from tests.integration.executors.orders import go, never, order
from tests.servers.sshd import SERVICE, SshHost, ssh_host

HOSTILE = [
    "",
    " ",
    " leading and trailing ",
    "'",
    '"',
    'it\'s "both"',
    "$(touch owned)",
    "`touch owned`",
    "${HOME}",
    "$0",
    "; touch owned",
    "&& touch owned",
    "| touch owned",
    "> owned",
    "*",
    "?[a-z]",
    "~root",
    "\\",
    "\\n",
    "a\\",
    "--help",
    "-rf",
    "end",
    "arg x",
    "go",
    "tab\there",
    "cr\rhere",
    "\x1b[31m",
    "日本語 ünïcode 🔥",
    "../../etc/passwd",
    "{{ 7*7 }}",
    "%s%n",
    "#",
    "!!",
    "REQUEST",
]


def alive(pid: int) -> bool:
    """Is there a process that is no zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def test_arguments_verbatim(target: SshTarget, machine: SshHost) -> None:
    """Whatever an argument looks like, the command gets it byte for byte, and no shell sees it."""
    program = "import sys, os; os.write(1, '\\0'.join(sys.argv[1:]).encode('utf-8', 'surrogateescape'))"
    result = await target.run(order(machine, sys.executable, "-X", "utf8", "-c", program, *HOSTILE), go)
    assert result.output.split("\0") == HOSTILE
    assert not (machine.folder / "owned").exists()


async def test_environment(target: SshTarget, machine: SshHost) -> None:
    """The command runs in /, without input, without descriptors of others, and knows its intent and trace."""
    script = "pwd; cat; echo $HEALER_INTENT $HEALER_TRACE_ID; ls -m /proc/$$/fd; :"
    an_order = msgspec.structs.replace(order(machine, "/bin/sh", "-c", script), trace_id="4bf92f35")
    result = await target.run(an_order, go)
    assert result.output.splitlines() == ["/", f"{an_order.intent} 4bf92f35", "0, 1, 2"]


async def test_default_signals(target: SshTarget, machine: SshHost) -> None:
    """The command starts with no signal ignored or blocked; those above 31 belong to the C library and whoever started us."""
    result = await target.run(order(machine, "/bin/grep", "^Sig[BI]", "/proc/self/status"), go)
    assert [int(line.split()[1], 16) & (1 << 31) - 1 for line in result.output.splitlines()] == [0, 0]


@pytest.mark.parametrize("argv", [("-x",), ("",), ("/nonexistent/program",)])
async def test_no_such_command(target: SshTarget, machine: SshHost, argv: tuple[str, ...]) -> None:
    """A command that is not there is refused before it starts."""
    result = await target.run(order(machine, *argv), never)
    assert (result.outcome, result.started) == ("refused", False)


async def test_flood_of_output(target: SshTarget, machine: SshHost) -> None:
    """100 MB of output are cut to the limit on the machine; the command neither hangs nor notices."""
    before = time.monotonic()
    flood = "head -c 100000000 /dev/zero | tr '\\0' x; echo done >&2; exit 7"
    result = await target.run(order(machine, "/bin/sh", "-c", flood), go)
    assert (result.outcome, result.exit_code) == ("failed", 7)
    assert result.output == "x" * 65_536 + "\n[cut after 65536 bytes]"
    assert time.monotonic() - before < 15


async def test_deadline_ends_all(target: SshTarget, machine: SshHost, tmp_path: Path) -> None:
    """At the deadline the command and its children are gone, though they ignore TERM and left its process group."""
    apart = "import os, signal, time; os.setpgid(0, 0); signal.signal(15, 1); print(os.getpid(), flush=True); time.sleep(99)"
    child = f"trap '' TERM; echo $$ >{tmp_path}/child; while :; do sleep 1; done"
    (tmp_path / "act").write_text(
        f"trap '' TERM HUP\necho $$ >{tmp_path}/leader\nsh -c {shlex.quote(child)} &\n"
        f"{sys.executable} -c {shlex.quote(apart)} >{tmp_path}/apart &\nwhile :; do sleep 1; done\n"
    )
    before = time.monotonic()
    result = await target.run(order(machine, "/bin/sh", f"{tmp_path}/act", deadline_s=3), go)
    took = time.monotonic() - before
    assert (result.outcome, result.started) == ("failed", True)
    assert "still running after 3 s" in result.why
    assert 2 < took < 6
    for name in ("leader", "child", "apart"):
        assert not alive(int((tmp_path / name).read_text())), name


async def test_deadline_without_connection(target: SshTarget, machine: SshHost, tmp_path: Path) -> None:
    """The deadline holds when nobody is connected any more, and the probe says that it was the deadline."""
    script = f"trap '' TERM; echo $$ >{tmp_path}/pid; while :; do sleep 1; done"
    an_order = order(machine, "/bin/sh", "-c", script, deadline_s=3)
    run = asyncio.ensure_future(target.run(an_order, go))
    await until(tmp_path / "pid")
    machine.cut()
    assert (await run).outcome == "unknown"
    assert alive(int((tmp_path / "pid").read_text()))
    assert (await target.probe(an_order)).outcome == "unknown"
    await asyncio.sleep(4)
    assert not alive(int((tmp_path / "pid").read_text()))
    result = await target.probe(an_order)
    assert (result.outcome, result.started) == ("failed", True)
    assert "still running after 3 s" in result.why


async def test_leftovers(target: SshTarget, machine: SshHost, tmp_path: Path) -> None:
    """A run is over when all of its session is: what outlives the command holds the target until it ends."""
    before = time.monotonic()
    result = await target.run(order(machine, "/bin/sh", "-c", "sleep 1.5 >/dev/null 2>&1 & exit 0", deadline_s=10), go)
    assert (result.outcome, result.exit_code) == ("succeeded", 0)
    assert time.monotonic() - before > 1.4


async def test_daemon(target: SshTarget, machine: SshHost, tmp_path: Path) -> None:
    """A daemon in a session of its own lives on, also when it kept the output open; the run does not wait for it."""
    before = time.monotonic()
    script = f"setsid sh -c 'echo $$ >{tmp_path}/pid; sleep 30' & while ! [ -s {tmp_path}/pid ]; do :; done; echo up"
    result = await target.run(order(machine, "/bin/sh", "-c", script), go)
    pid = int((tmp_path / "pid").read_text())
    assert (result.outcome, result.output) == ("succeeded", "up\n")
    assert time.monotonic() - before < 8
    assert alive(pid)
    os.kill(pid, 9)


async def test_wrapper_killed(target: SshTarget, machine: SshHost, tmp_path: Path) -> None:
    """Should the wrapper itself be killed, its run still holds the target, ends by its deadline, and counts as started."""
    script = f"echo $$ >{tmp_path}/pid; sleep 60"
    an_order = order(machine, "/bin/sh", "-c", script, deadline_s=3)
    run = asyncio.ensure_future(target.run(an_order, go))
    await until(tmp_path / "pid")
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = status.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(machine.state).encode() in words and str(machine.folder / "lib/healer-run.real").encode() in words:
            os.kill(int(status.parent.name), 9)
    assert (await run).outcome == "unknown"
    assert (await target.probe(an_order)).outcome == "unknown"
    await asyncio.sleep(3.5)
    result = await target.probe(an_order)
    assert (result.outcome, result.started, result.exit_code) == ("failed", True, None)
    assert "killed from outside" in result.why


async def test_slow_go(machine: SshHost) -> None:
    """A go that comes more than a second after ready finds that the machine has given up; nothing starts."""

    async def slow() -> bool:
        await asyncio.sleep(1.5)
        return True

    target = SshTarget(machine.settings(go_wait_s=1), SystemClock())
    result = await target.run(order(machine, "/bin/sh", "-c", f"echo slow >>{machine.log}"), slow)
    assert (result.outcome, result.started) == ("failed", False), result
    assert "slow" not in machine.effects()


async def test_register_survives(tmp_path: Path) -> None:
    """After a restart of the machine's sshd the register still refuses what is older and still knows what ran."""
    with ssh_host(tmp_path) as host:
        first = order(host, "/bin/sh", "-c", "exit 4", token=7, node="cn-1")
        await SshTarget(host.settings(), SystemClock()).run(first, go)
    with ssh_host(tmp_path) as host:
        target = SshTarget(host.settings(), SystemClock())
        assert (await target.run(order(host, "/bin/true", token=6, node="cn-1"), never)).outcome == "refused"
        assert (await target.probe(first)).exit_code == 4


async def test_restart_service(host_with_service: SshHost) -> None:
    """A service that died runs again after systemctl restart; the machine's own log counts one more start."""
    host = host_with_service
    starts = host.service_starts()
    host.kill_service()
    target = SshTarget(host.settings(), SystemClock())
    result = await target.run(order(host, "/usr/bin/systemctl", "restart", SERVICE), go)
    assert result.outcome == "succeeded", result
    async with asyncio.timeout(10):
        while not host.service_running():
            await asyncio.sleep(0.05)
    assert host.service_starts() == starts + 1


async def test_restart_unknown_service(host_with_service: SshHost) -> None:
    """Restarting a service that is not there fails with systemctl's exit code and words."""
    target = SshTarget(host_with_service.settings(), SystemClock())
    result = await target.run(order(host_with_service, "/usr/bin/systemctl", "restart", "ghost.service"), go)
    assert (result.outcome, result.exit_code, result.started) == ("failed", 5, True)
    assert "ghost.service" in result.output


async def until(file: Path) -> None:
    """Wait until a command has written `file`."""
    async with asyncio.timeout(10):
        while not (file.exists() and file.read_text().strip()):
            await asyncio.sleep(0.02)
