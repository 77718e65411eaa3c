"""`healer sudoers`: exactly what the rules in use need, and nothing else."""

from pathlib import Path

import pytest

from healer.cli.main import main

RULES = """
command "flush_dns": ["/usr/bin/resolvectl", "flush-caches"]
rule "a unit that is written out"
  on event: "A"
  then: execute("restart_service", unit: "shop.service")
  otherwise: execute("collect_diagnostics")
rule "a unit that a label names"
  on event: "B"
  then: execute("restart_service", unit: labels.name)
        execute("run_command", command: "flush_dns")
rule "a disk"
  on event: "C"
  then: execute("clean_disk", path: labels.mountpoint)
rule "a process"
  on event: "D"
  then: execute("kill_process", process: "java", user: labels.user, signal: "KILL")
rule "looks"
  on event: "F"
  then: execute("restart_service", unit: "shop.service")
        wait until exit_code("collect_diagnostics") == 0 within 5m
  verify: state("clean_disk", path: "/var") < 80%
rule "another executor"
  on event: "E"
  then: execute("cordon_node")
"""


def write(folder: Path, ssh: str, rules: str = RULES) -> str:
    (folder / "own.heal").write_text(rules)
    file = folder / "healer.yaml"
    file.write_text(f"rules: {{paths: [own.heal]}}\nexecutors: {{ssh: {{{ssh}}}}}\n")
    return str(file)


def made(name: str, config: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["sudoers", "--config", config, "--only", name]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]


def test_the_allow_list_is_what_the_rules_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is written out stands there word by word, what a label names as one value of its kind, looks apart."""
    assert made("allow", write(tmp_path, "user: healer"), capsys) == [
        "/usr/bin/journalctl --no-pager --priority=warning --since=-15min --lines=200",
        "/usr/bin/pkill --signal KILL --exact --uid <name> java",
        "/usr/bin/resolvectl flush-caches",
        "/usr/bin/systemctl restart <name>",
        "/usr/bin/systemctl restart shop.service",
        "/usr/bin/systemd-tmpfiles --clean --prefix=<path>",
        "observe /usr/bin/df --block-size=1 --output=target,size,avail,pcent /var",
        "observe /usr/bin/df --block-size=1 --output=target,size,avail,pcent <path>",
        "observe /usr/bin/journalctl --no-pager --priority=warning --since=-15min --lines=200",
        "observe /usr/bin/pgrep --runstates RSDTt --exact --uid <name> java",
        *(
            "observe /usr/bin/systemctl show "
            f"--property=LoadState,ActiveState,SubState,Type,MainPID,InvocationID {unit}"
            for unit in ("<name>", "shop.service")
        ),
    ]


def test_each_user_gets_the_wrapper_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """sudo allows the wrapper without arguments; the key is forced into it; the public half is read where it lies."""
    (tmp_path / "key").write_text("private")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAAC3Nz ann@laptop\n")
    config = write(tmp_path, "user: healer, keys: [key], hosts: {host/odd: {user: ops}}")
    wrapper = "/usr/local/lib/healer/healer-run"
    assert made("sudoers", config, capsys) == [
        f'{user} ALL=(root) NOPASSWD: {wrapper} ""' for user in ("healer", "ops")
    ]
    assert made("authorized_keys", config, capsys) == [
        f'command="sudo -n {wrapper}",restrict ssh-ed25519 AAAAC3Nz healer'
    ]


def test_jump_hosts_let_through_and_run_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there are jump hosts, their line forwards and has no command."""
    config = write(tmp_path, "jump: gate, jumps: {gate: {address: 192.0.2.1}}")
    assert made("jump", config, capsys) == ['command="/bin/false",restrict,port-forwarding ssh-ed25519 AAAA... healer']


@pytest.mark.parametrize(
    ("ssh", "rules", "why"),
    [
        ("user: 'ann, ALL'", RULES, "no name of a user"),
        ("user: healer", 'rule "x"\n  on event: "A"\n  then: execute("nothing")\n', "healer check"),
        (
            "user: healer",
            'command "say": ["/bin/echo", "two words"]\n'
            'rule "x"\n  on event: "A"\n  then: execute("run_command", command: "say")\n',
            "words without spaces",
        ),
    ],
)
def test_what_cannot_be_written_safely(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ssh: str, rules: str, why: str
) -> None:
    """Nothing is printed that would allow more than was meant, or that could not be read back."""
    assert main(["sudoers", "--config", write(tmp_path, ssh, rules)]) == 1
    said = capsys.readouterr()
    assert why in said.err
    assert said.out == ""


def test_without_ssh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An installation that reaches no machine needs no files on any."""
    (tmp_path / "healer.yaml").write_text("rules: {paths: []}\n")
    assert main(["sudoers", "--config", str(tmp_path / "healer.yaml")]) == 1
    assert "executors.ssh" in capsys.readouterr().err
