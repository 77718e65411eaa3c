"""What does the wrapper on the target do on its own, without SSH, in whatever shell is /bin/sh there?"""

import random
import subprocess
from pathlib import Path

import msgspec
import pytest

from healer.executors.register import Ran, Register
from healer.executors.target import Order, Result
from healer.executors.wrapper import PREFIX, Done, Ready, finished, read_answer, request
from tests.effort import Effort
from tests.servers.sshd import WRAPPER

ORDER = Order(intent="i", step=0, token=1, target="cn-1", address="", argv=("/bin/echo", "fine"), deadline_s=20)
LINE = 256


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The wrapper's state folder, empty."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def ask(state: Path, said: bytes, *, shell: tuple[str, ...] = (), allow: str = "/nonexistent") -> list[bytes]:
    """All lines that the wrapper answers to `said`, which may hold the go already."""
    command = [*shell, str(WRAPPER), "--state", str(state), "--allow", allow]
    answer = subprocess.run(command, input=said, capture_output=True, check=False, timeout=60)
    assert answer.returncode == 0
    assert not answer.stderr, answer.stderr
    return [line.removeprefix(PREFIX) for line in answer.stdout.splitlines()]


def run(state: Path, order: Order, *, go: bool = True) -> Result:
    """A whole run, as the ssh executor would see it."""
    lines = ask(state, request("run", order, order.output_limit) + (b"go\n" if go else b""))
    return result(lines[1:] if lines[0].split()[0] == b"ready" else lines, order)


def probe(state: Path, order: Order) -> Result:
    """A probe, as the ssh executor would see it."""
    return result(ask(state, request("probe", order, order.output_limit)), order)


def result(lines: list[bytes], order: Order) -> Result:
    """The answer's first line and the output after it."""
    answer = read_answer(lines[0], order)
    assert not isinstance(answer, Ready)
    if isinstance(answer, Done):
        output = b"".join(line + b"\n" for line in lines[1:])
        assert len(output) == answer.size
        return finished(answer, output, order, 0)
    assert isinstance(answer, Result)
    return answer


@pytest.mark.parametrize("shell", [("dash",), ("bash", "--posix"), ()])
def test_shells(state: Path, shell: tuple[str, ...]) -> None:
    """It works in dash and in bash, and as the program that it is."""
    lines = ask(state, request("run", ORDER, 100) + b"go\n", shell=shell)
    assert lines[0].split()[0] == b"ready"
    assert lines[1].startswith(b"done 0 exited ")
    assert lines[2] == b"fine"


def test_same_as_the_register(state: Path, effort: Effort) -> None:
    """Whatever is asked in whatever order, the wrapper and the register of the in-memory fleet say the same."""
    chance = random.Random(7)
    register, now = Register(), 1
    outcomes = set()
    for _ in range(effort.pick(ci=150, full=3_000)):
        now += 1
        order = msgspec.structs.replace(
            ORDER,
            intent=f"i{chance.randrange(4)}",
            token=max(1, now // 8 + chance.randrange(-1, 2)),
            step=chance.randrange(3),
            argv=("/bin/sh", "-c", "exit 3") if chance.random() < 0.5 else ("/bin/echo", "fine"),
        )
        what = chance.choice(["run", "cut", "probe"])
        if what == "probe":
            expected, seen = register.recorded(order, now), probe(state, order)
        else:
            attempt = register.admit(order, now)
            seen = run(state, order, go=what == "run")
            if isinstance(attempt, Result):
                expected = attempt
            elif what == "run":
                ran = Ran(exit_code=3) if "exit 3" in order.argv else Ran(output=b"fine\n")
                register.start(attempt, ran, order, now)
                expected = register.ended(attempt, order, now)
            else:
                register.leave(attempt)
                expected = msgspec.structs.replace(register.ended(attempt, order, now), why=seen.why)
        # Only the last intent's output is kept on the machine; and the instants differ.
        if what == "probe" and expected.output and not seen.output:
            seen = msgspec.structs.replace(seen, output=expected.output)
        seen, expected = (msgspec.structs.replace(one, ended_at=None) for one in (seen, expected))
        assert seen == expected, (what, order)
        outcomes.add((what, seen.outcome, seen.started))
    assert len(outcomes) == 9, outcomes


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "no complete request"),
        (b"healer 1\nverb run\n", "no complete request"),
        (b"x\n" * 400 + b"end\n", "no complete request"),
        (b"healer 2\nend\n", "speaks version 1"),
        (b"healer 1\nrm -rf /\nend\n", "unknown line"),
        (request("run", ORDER, 1).replace(b"verb run", b"verb sudo"), "none of run, probe, observe"),
        (request("run", ORDER, 1).replace(b"token 1", b"token -1"), "token is not a number"),
        (request("run", ORDER, 1).replace(b"token 1", b"token 1" + b"0" * 18), "token is not a number"),
        (request("run", ORDER, 1).replace(b"token 1", b"token 1+1"), "token is not a number"),
        (request("run", ORDER, 1).replace(b"intent i", b"intent ../x"), "intent may have"),
        (request("run", ORDER, 1).replace(b"target ", b"target $(id)"), "target may have"),
        (request("run", ORDER, 1).replace(b"argc 2", b"argc 1"), "2 arguments came, 1 were announced"),
        (request("run", ORDER, 1).replace(b"arg /bin/echo", b"arg bin/echo"), "relative path"),
        (request("run", ORDER, 1).replace(b"arg /bin/echo", b"arg -c"), "begins with a dash"),
        (request("run", ORDER, 1).replace(b"deadline 20", b"deadline 0"), "deadline is not within"),
        (request("run", ORDER, 1).replace(b"limit 1", b"limit 99999999"), "limit is above"),
        (request("run", ORDER, 1).replace(b"wait 1", b"wait 11"), "wait is not within"),
    ],
)
def test_protocol(state: Path, said: bytes, why: str) -> None:
    """What healer would not say is refused with the reason, and leaves no trace."""
    (line,) = ask(state, said)
    assert line.startswith(b"refused protocol: ")
    assert why in line.decode()
    assert not list(state.iterdir())


@pytest.mark.parametrize(
    ("rules", "argv", "allowed"),
    [
        ("/bin/echo fine\n", ("/bin/echo", "fine"), True),
        ("# a comment\n\n/bin/echo fine", ("/bin/echo", "fine"), True),
        ("/bin/echo fine\n", ("/bin/echo", "fine", "more"), False),
        ("/bin/echo fine\n", ("/bin/echo",), False),
        ("/bin/echo fine\n", ("/bin/echo", "fine more"), False),
        ("/bin/echo ...\n", ("/bin/echo", "fine", "more"), True),
        ("/bin/echo ...\n", ("/bin/echo",), True),
        ("/bin/echo ...\n", ("/bin/cat", "..."), False),
        ("/bin/echo *\n", ("/bin/echo", "fine"), False),
        ("/bin/true\n/bin/echo fine\n", ("/bin/echo", "fine"), True),
        ("", ("/bin/echo", "fine"), False),
        ("/bin/echo <name>\n", ("/bin/echo", "shop@1.service"), True),
        ("/bin/echo <name>\n", ("/bin/echo", "-n"), False),
        ("/bin/echo <name>\n", ("/bin/echo", "a b"), False),
        ("/bin/echo <name>\n", ("/bin/echo", ""), False),
        ("/bin/echo <name>\n", ("/bin/echo", "a/b"), False),
        ("/bin/echo --prefix=<path>\n", ("/bin/echo", "--prefix=/var/tmp"), True),
        ("/bin/echo --prefix=<path>\n", ("/bin/echo", "--prefix=/var/../etc"), False),
        ("/bin/echo --prefix=<path>\n", ("/bin/echo", "--prefix=/var/.."), False),
        ("/bin/echo --prefix=<path>\n", ("/bin/echo", "--prefix=tmp"), False),
        ("/bin/echo --prefix=<path>\n", ("/bin/echo", "--other=/var"), False),
        ("/bin/echo <number>\n", ("/bin/echo", "15"), True),
        ("/bin/echo <number>\n", ("/bin/echo", "15s"), False),
        ("observe /bin/echo fine\n", ("/bin/echo", "fine"), False),
    ],
)
def test_allow_list(state: Path, tmp_path: Path, rules: str, argv: tuple[str, ...], allowed: bool) -> None:
    """With an allow-list only commands run that one of its lines allows word by word."""
    (tmp_path / "allow").write_text(rules)
    order = msgspec.structs.replace(ORDER, argv=argv)
    lines = ask(state, request("run", order, 100) + b"go\n", allow=str(tmp_path / "allow"))
    assert (lines[0].split()[0] == b"ready") is allowed
    assert allowed or lines[0].startswith(b"refused forbidden: ")


@pytest.mark.parametrize(("boot", "why"), [(b"0" * 36, "restarted"), (b"", "killed")])
def test_power_lost(state: Path, boot: bytes, why: str) -> None:
    """A run that power or a kill ended is told as started and ended, with no exit code, and is not run again."""
    run(state, ORDER)
    slot = state / "slot.0"
    row = slot.read_bytes()[LINE : 2 * LINE].split()
    row[3:8] = [b"started", b"-", b"-", row[6], b"-"]
    row[8] = boot or row[8]
    with slot.open("r+b") as file:
        file.seek(LINE)
        file.write(b" ".join(row).ljust(LINE - 1) + b"\n")
    again = msgspec.structs.replace(ORDER, token=2)
    answer = probe(state, again)
    assert (answer.outcome, answer.started, answer.exit_code) == ("failed", True, None)
    assert why in answer.why
    assert run(state, msgspec.structs.replace(ORDER, token=3)).outcome == "refused"


def test_written_before_executed(state: Path) -> None:
    """When the command starts, its token and its start are in the register already."""
    order = msgspec.structs.replace(ORDER, argv=("/bin/cat", str(state / "slot.0")), output_limit=10_000)
    register, intent = run(state, order).output.splitlines()[:2]
    assert register.split()[1:] == ["1", "0", "1"]
    assert intent.split()[:4] == ["i", "1", "0", "started"]


def test_slots(state: Path) -> None:
    """A slot is 4096 bytes from the first day, keeps the last 15 intents, and only root can read it."""
    for number in range(17):
        run(state, msgspec.structs.replace(ORDER, intent=f"i{number}", token=number + 1))
    assert {file.stat().st_size for file in state.glob("slot.*")} == {4096}
    assert {file.stat().st_mode & 0o777 for file in state.glob("slot.*")} == {0o600}
    lines = (state / "slot.0").read_text().splitlines()
    assert {line.split()[0] for line in lines[1:]} == {f"i{number}" for number in range(2, 17)}


def test_all_slots_taken(state: Path) -> None:
    """The 65th target is refused with what to do; those known go on."""
    run(state, ORDER)
    for number in range(1, 64):
        (state / f"slot.{number}").write_text((f"other{number} 1 0 1".ljust(LINE - 1) + "\n") * 16)
    assert "remove those of retired targets" in run(state, msgspec.structs.replace(ORDER, target="cn-2")).why
    assert run(state, msgspec.structs.replace(ORDER, intent="j", token=2)).outcome == "succeeded"


@pytest.mark.parametrize("damage", [b"", b"cn-1 x y z\n", b"\0" * 4096])
def test_damaged(state: Path, damage: bytes) -> None:
    """A register that cannot be read refuses: nobody knows what it has seen."""
    run(state, ORDER)
    known = (state / "slot.0").read_bytes().split()[0]
    (state / "slot.0").write_bytes(damage.replace(b"cn-1", known))
    answer = run(state, msgspec.structs.replace(ORDER, intent="j", token=2))
    assert (answer.outcome, answer.started) == ("refused", False), answer


def test_no_state_folder(tmp_path: Path) -> None:
    """Without its state folder it refuses and says how to make one."""
    assert "install -d -m 0700" in run(tmp_path / "missing", ORDER).why


def test_full_disk(state: Path) -> None:
    """A full disk stops no repair, not even a target's first: the slots are there already, only the output is lost."""
    said = request("run", ORDER, 100).decode()
    script = f"""
        mount -t tmpfs -o size=600k tmpfs {state} || exit 9
        ask() {{ printf '%s' "$1" | {WRAPPER} --state {state} --allow /nonexistent; }}
        ask "$FIRST"
        head -c 1000000 /dev/zero >{state}/fill 2>/dev/null
        printf x >{state}/more 2>/dev/null
        [ ! -s {state}/more ] || exit 8
        ask "$SECOND" """
    later = request("run", msgspec.structs.replace(ORDER, target="cn-2"), 100).decode()
    answer = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env={"FIRST": said + "go\n", "SECOND": later + "go\n", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer
    heard = [line.split()[1:] for line in answer.stdout.splitlines() if line.startswith("healer-run")]
    lines = [words[: 1 if words[0] == "ready" else 3] for words in heard]
    assert lines == [["ready"], ["done", "0", "exited"]] * 2, answer
