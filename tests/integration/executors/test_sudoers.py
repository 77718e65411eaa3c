"""What `healer sudoers` prints is what sudo accepts, and what the wrapper on a real machine goes by."""

import subprocess
from pathlib import Path

import pytest

from healer.cli.main import main
from healer.executors.ssh import SshTarget
from tests.integration.executors.orders import go, never, order
from tests.servers.process import binary
from tests.servers.sshd import SshHost

RULES = """
action "say"
  run: ssh ["/bin/echo", "{word}", "--in={folder}"]
  with: word: string =~ "[a-z]{1,8}",
        folder: string =~ "/[a-z/]{0,20}"
  idempotent: yes   destructive: no
  observe: ssh ["/usr/bin/df", "--block-size=1", "--output=target,size,avail,pcent", "{folder}"]
  shows: disk
rule "say it"
  on event: "A"
  then: execute("say", word: labels.word, folder: labels.folder)
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration whose only rule takes both parameters from labels."""
    (tmp_path / "own.heal").write_text(RULES)
    (tmp_path / "healer.yaml").write_text(
        "rules: {paths: [own.heal]}\nexecutors: {ssh: {user: healer, hosts: {host/odd: {user: ops}}}}\n"
    )
    return str(tmp_path / "healer.yaml")


def printed(name: str, config: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["sudoers", "--config", config, "--only", name]) == 0
    return capsys.readouterr().out


def test_sudo_accepts_it(config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """visudo, in its strict mode, finds nothing wrong with the file."""
    file = tmp_path / "healer"
    file.write_text(printed("sudoers", config, capsys))
    file.chmod(0o440)
    checked = subprocess.run(
        [binary("visudo", "sudo"), "-c", "-s", "-f", str(file)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "parsed OK" in checked.stdout + checked.stderr


async def test_the_machine_goes_by_it(
    config: str, machine: SshHost, target: SshTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the rule may run runs, with any value of the kind; everything else is refused by the machine itself."""
    machine.allow.write_text(printed("allow", config, capsys))
    try:
        assert (await target.run(order(machine, "/bin/echo", "hello", "--in=/var"), go)).output == "hello --in=/var\n"
        for argv in (
            ("/bin/echo", "-n", "--in=/var"),
            ("/bin/echo", "hello", "--in=/var/../etc"),
            ("/bin/echo", "hello", "--in=/var", "more"),
            ("/bin/echo", "hello"),
            ("/bin/sh", "-c", "id"),
            ("/usr/bin/df", "--block-size=1", "--output=target,size,avail,pcent", "/"),
        ):
            result = await target.run(order(machine, *argv), never)
            assert (result.outcome, result.lasting) == ("refused", True), argv
            assert "forbidden" in result.why
        df = ("/usr/bin/df", "--block-size=1", "--output=target,size,avail,pcent", "/")
        assert (await target.observe(order(machine, *df))).exit_code == 0
        assert (await target.observe(order(machine, "/bin/echo", "hello", "--in=/var"))).exit_code is None
    finally:
        machine.allow.unlink()
