"""What rules verify by, asked through the real executor of a machine with a real sshd and wrapper."""

import msgspec

from healer.executors.ssh import SshTarget
from healer.remediation.runner.looking import MAX_TEXT, Looking
from healer.seams import SystemClock
from rules import Answer, Facts, NodeFact, Query, Source, compile_files, evaluate
from tests.servers.sshd import SERVICE, SshHost

CHECK = (
    'action "check"\n  run: ssh {argv}\n  with: word: string =~ "[a-z ]+" = "x"\n  accepts: host\n  changes: nothing\n'
)


def needed(machine: SshHost, condition: str, **attributes: str) -> Query:
    """What a rule that verifies so asks of a node on this machine."""
    head = 'rule "r"\n  on event: "X"\n  then: notify("oncall")\n'
    actions = CHECK.format(argv='["/bin/sh", "-c", "echo on $0; exit 3", "{word}"]')
    found = compile_files([Source("mine.heal", f"{actions}{head}  verify: {condition}")], packs=False)
    assert found.ruleset is not None, found.problems
    node = NodeFact("host/web-1", "web-1", "host", {"address": machine.address, **attributes})
    (need,) = evaluate(found.ruleset.rules[0].verify.condition, Facts(now=0, node=node)).needs
    return need


async def asked(machine: SshHost, condition: str, **attributes: str) -> Answer:
    """What comes of asking the machine itself."""
    ssh = SshTarget(machine.settings(), SystemClock())
    try:
        answer = await Looking({"ssh": ssh}, SystemClock()).ask(needed(machine, condition, **attributes))
    finally:
        await ssh.close()
    return Answer(answer.value, answer.sampled_at, answer.why, answer.text)


async def test_a_command_ends_there_with_its_code(machine: SshHost) -> None:
    """Its exit code is the answer, its first words are kept, and it is as of before it was asked."""
    before = SystemClock().now()
    answer = await asked(machine, 'exit_code("check", word: "web one") == 0')
    assert (answer.value, answer.text) == (3.0, "on web one")
    assert answer.sampled_at is not None
    assert before <= answer.sampled_at <= SystemClock().now()


async def test_another_machine_is_not_believed(machine: SshHost) -> None:
    """Whoever answers there has to be the machine that was meant; else nobody knows."""
    answer = await asked(machine, 'exit_code("check") == 0', machine_id="f" * 32)
    assert answer.value is None
    assert answer.why_unknown


async def test_the_state_of_a_unit(host_with_service: SshHost) -> None:
    """By systemd's own words, before and after it died."""
    condition = f'state("restart_service", unit: "{SERVICE}") == "active"'
    assert (await asked(host_with_service, condition)).text == "active"
    host_with_service.kill_service()
    assert (await asked(host_with_service, condition)).text in ("failed", "inactive")


async def test_the_state_of_a_filesystem(machine: SshHost) -> None:
    """The ratio that df says is used; of a path that is not there nobody knows."""
    answer = await asked(machine, 'state("clean_disk", path: "/") < 101%')
    assert answer.value is not None
    assert 0 <= answer.value <= 1
    assert (await asked(machine, 'state("clean_disk", path: "/nowhere") < 80%')).value is None


async def test_the_state_of_processes(machine: SshHost) -> None:
    """How many run: none, where pgrep finds none."""
    answer = await asked(machine, 'state("kill_process", process: "nosuchprogram", user: "root") == 0')
    assert answer.value == 0


async def test_nobody_there_proves_nothing(machine: SshHost) -> None:
    """An executor that is not set up, and a machine that does not answer."""
    need = needed(machine, 'exit_code("check") == 0')
    assert (await Looking({}, SystemClock()).ask(need)).value is None
    assert (await asked(machine, 'exit_code("check") == 0', address="127.0.0.9")).value is None


async def test_what_is_kept_is_short(machine: SshHost) -> None:
    """A command that talks a lot is cut, in what is read and in what is kept."""
    need = needed(machine, 'exit_code("check") == 0')
    assert need.look is not None
    long = msgspec.structs.replace(need.look, argv=("/usr/bin/seq", "1", "100000"))
    ssh = SshTarget(machine.settings(), SystemClock())
    try:
        answer = await Looking({"ssh": ssh}, SystemClock()).ask(msgspec.structs.replace(need, look=long))
    finally:
        await ssh.close()
    assert answer.text is not None
    assert len(answer.text) <= MAX_TEXT
