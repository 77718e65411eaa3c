"""The actions that ship, as a rule renders them, with a real sshd, wrapper and the machine's own programs."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from healer.executors.ssh import SshTarget
from healer.executors.states import preview, took_effect
from healer.executors.states.reading import Change, Proof
from healer.executors.target import Order, Result
from healer.seams import SystemClock
from rules import Facts, NodeFact, PlannedStep, Source, compile_files, render_steps
from tests.integration.executors.orders import go, order
from tests.servers.process import binary
from tests.servers.sshd import SERVICE, SshHost, ssh_host

NODE = NodeFact(id="host/web-1", name="web-1", kind="host")


def rendered(step: str) -> PlannedStep:
    """`step` as the planner fills it in."""
    compiled = compile_files([Source("own.heal", f'rule "it"\n  on event: "A"\n  then: {step}\n')], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    (planned,) = render_steps(compiled.ruleset.rules[0], Facts(now=0, alertname="A", node=NODE))
    assert isinstance(planned, PlannedStep), planned
    return planned


async def carried_out(step: str, host: SshHost) -> tuple[Change, Result | None, Proof]:
    """Look, run unless there is nothing to do, look again."""
    planned = rendered(step)
    target = SshTarget(host.settings(), SystemClock())
    shows, given = planned.action.shows, dict(planned.parameters)
    run = order(host, *planned.argv)
    look: Order = msgspec.structs.replace(run, argv=planned.observe, deadline_s=10)
    before = await target.observe(look)
    change = preview(shows, before, given)
    if change.verdict != "change":
        return change, None, Proof(None, "")
    result = await target.run(run, go)
    return change, result, took_effect(shows, before.output, await target.observe(look), given)


@contextmanager
def victim(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that nothing else on this machine is called like."""
    program = folder / "healer-victim"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([str(program), "60"]) as process:
        yield process
        process.kill()


async def test_kill_process(machine: SshHost, tmp_path: Path) -> None:
    """A process is found by name and user, killed, and gone; where there is none, there is nothing to do."""
    step = 'execute("kill_process", process: "healer-victim", user: "root")'
    with victim(tmp_path) as process:
        change, result, proof = await carried_out(step, machine)
        assert (result.outcome if result else "", proof.took) == ("succeeded", True), (result, proof)
        assert f"pid {process.pid}" in change.sentence
        assert process.wait(5) == -15
    change, result, _ = await carried_out(step, machine)
    assert (change.verdict, result) == ("nothing", None)


async def test_kill_process_of_nobody(machine: SshHost) -> None:
    """A user that the machine does not have is seen before anything is run."""
    change, result, _ = await carried_out('execute("kill_process", process: "a", user: "no_such_user")', machine)
    assert (change.verdict, result) == ("impossible", None), change


async def test_restart_service(host_with_service: SshHost) -> None:
    """A service that died runs again, as another process than before, and that is seen."""
    host = host_with_service
    host.kill_service()
    change, result, proof = await carried_out(f'execute("restart_service", unit: "{SERVICE}")', host)
    assert result is not None
    assert result.outcome == "succeeded", result
    assert SERVICE in change.sentence
    assert proof.took is not False, proof
    assert host.service_running()


async def test_clean_disk_of_a_path_that_is_not_there(machine: SshHost) -> None:
    """df says that there is no such path, so nothing is run."""
    change, result, _ = await carried_out('execute("clean_disk", path: "/no/such/path")', machine)
    assert (change.verdict, result) == ("impossible", None), change


async def test_rotate_logs(tmp_path: Path) -> None:
    """logrotate rotates what its configuration names, and nothing else."""
    binary("logrotate", "logrotate")
    with ssh_host(tmp_path, disk_mib=4) as host:
        logs = host.disk_from_outside
        (logs / "shop.log").write_text("a line\n")
        (logs / "logrotate.conf").write_text(f"{host.disk}/shop.log {{\n  rotate 1\n}}\n")
        host.mount(f"{host.disk}/logrotate.conf", "/etc/logrotate.conf")
        change, result, proof = await carried_out('execute("rotate_logs")', host)
        assert result is not None
        assert result.outcome == "succeeded", result
        assert "/var/log" in change.sentence
        assert proof.took is not False
        assert (logs / "shop.log.1").read_text() == "a line\n"


async def test_renew_lease_looks_at_the_interface(machine: SshHost) -> None:
    """An interface that is not there is seen before anything is run; one without a lease says so."""
    binary("ip", "iproute2")
    change, result, _ = await carried_out('execute("renew_lease", interface: "nosuch0")', machine)
    assert (change.verdict, result) == ("impossible", None), change
    planned = rendered('execute("renew_lease", interface: "lo")')
    target = SshTarget(machine.settings(), SystemClock())
    seen = await target.observe(order(machine, *planned.observe))
    assert "no leased address" in preview("lease", seen, dict(planned.parameters)).sentence


async def test_reboot_knows_the_boot(machine: SshHost) -> None:
    """The boot is seen before, so that another one can be told afterwards."""
    planned = rendered('execute("reboot_node")')
    seen = await SshTarget(machine.settings(), SystemClock()).observe(order(machine, *planned.observe))
    assert preview("boot", seen, {}).now == f"boot {Path('/proc/sys/kernel/random/boot_id').read_text()[:8]}"
    assert took_effect("boot", seen.output, seen, {}).took is False


async def test_collect_diagnostics(machine: SshHost) -> None:
    """It changes nothing, and says what the machine's journal says."""
    planned = rendered('execute("collect_diagnostics")')
    assert planned.action.diagnostic
    result = await SshTarget(machine.settings(), SystemClock()).run(order(machine, *planned.argv), go)
    assert result.outcome == "succeeded", result
