"""What do healer and the wrapper on the target (`deploy/target/healer-run`) say to one another?

Pure: an order becomes the bytes of a request, and the wrapper's lines become values. Called by `healer.executors.ssh`.
"""

import hashlib
import re
from typing import Literal

import msgspec

from healer.executors.target import Order, Result, Seen
from healer.times import MILLISECOND, Micros

PREFIX = b"healer-run "
OUTPUT_MAX_BYTES = 1_048_576
ARGV_MAX_BYTES = 98_304
"""Linux takes 128 KiB for one argument; a whole command below that leaves room for the environment."""
ARGV_MAX_COUNT = 256
NUMBER_MAX = 10**17
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_PASSING = ("busy:", "stale:", "repeated:")
"""What the wrapper refuses that another attempt, with a newer token, may be allowed."""


class Unsendable(ValueError):
    """The order cannot be put into a request; the text says why."""


def request(verb: Literal["run", "probe", "observe"], order: Order, limit: int, go_wait_s: int = 1) -> bytes:
    """The request's lines. `limit`: bytes of output wanted; `go_wait_s`: 1 to 10. Raises Unsendable before anything leaves."""
    if not _NAME.fullmatch(order.intent) or (order.trace_id and not _NAME.fullmatch(order.trace_id)):
        raise Unsendable("intent and trace id are 1 to 64 letters, digits and . _ : -")
    if not (0 <= order.token < NUMBER_MAX and 0 <= order.step < NUMBER_MAX):
        raise Unsendable(f"token and step are from 0 to {NUMBER_MAX - 1}")
    if not 2 <= order.deadline_s <= 86_400:
        raise Unsendable(f"the deadline is from 2 to 86400 s, not {order.deadline_s}")
    arguments = _arguments(order.argv) if verb != "probe" else []
    lines = [
        b"healer 1",
        f"verb {verb}".encode(),
        b"target " + slot_name(order.target).encode(),
        f"intent {order.intent}".encode(),
        f"token {order.token}".encode(),
        f"step {order.step}".encode(),
        f"deadline {order.deadline_s}".encode(),
        f"wait {go_wait_s}".encode(),
        f"limit {max(0, min(limit, OUTPUT_MAX_BYTES))}".encode(),
        f"trace {order.trace_id}".encode(),
        f"argc {len(arguments)}".encode(),
        *(b"arg " + argument for argument in arguments),
        b"end",
    ]
    return b"\n".join(lines) + b"\n"


def slot_name(target: str) -> str:
    """The name of a node in the register on its machine: node ids may hold any text, a register's line may not."""
    return hashlib.sha256(target.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _arguments(argv: tuple[str, ...]) -> list[bytes]:
    if not argv or not argv[0] or argv[0].startswith("-"):
        raise Unsendable("the command is empty or begins with a dash")
    if len(argv) > ARGV_MAX_COUNT:
        raise Unsendable(f"{len(argv)} arguments are more than {ARGV_MAX_COUNT}")
    for position, argument in enumerate(argv):
        if "\n" in argument or "\0" in argument:
            raise Unsendable(f"argument {position} holds a newline or NUL")
    try:
        arguments = [argument.encode() for argument in argv]
    except UnicodeEncodeError as error:
        raise Unsendable("an argument is not valid Unicode") from error
    if sum(map(len, arguments)) > ARGV_MAX_BYTES:
        raise Unsendable(f"the arguments together are above {ARGV_MAX_BYTES} bytes")
    return arguments


class Ready(msgspec.Struct, frozen=True):
    """Compared and recorded; it waits for `go`. `machine` is the machine-id, or "" where it has none."""

    machine: str = ""


class Looked(msgspec.Struct, frozen=True):
    """The answer to an observe; `size` bytes of output follow the line."""

    exit_code: int
    machine: str
    size: int


class Done(msgspec.Struct, frozen=True):
    """The run is over; `size` bytes of output follow the line."""

    exit_code: int
    by_deadline: bool
    age: Micros
    size: int
    cut: bool


def read_answer(line: bytes, order: Order) -> Ready | Done | Looked | Result:
    """One line of the wrapper's, without its prefix. Raises ValueError for what it cannot have said."""
    word, _, rest = line.decode("utf-8", "replace").partition(" ")
    if word == "done":
        return _done(rest)
    if word == "ready":
        return Ready(rest.strip(" -"))
    if word == "seen":
        code, machine, size = rest.split(" ")
        return Looked(int(code), machine.strip("-"), int(size))
    if word == "refused":
        lasting = not rest.startswith(_PASSING)
        return Result("refused", why=f"the target refused: {rest}", started=False, lasting=lasting)
    if word == "interrupted":
        what = "the machine was restarted" if rest == "rebooted" else "the run was killed from outside"
        return Result("failed", why=f"{what} after the command had started; what it had done by then stays done")
    if word == "running":
        return Result("unknown", why="a run holds the target; ask again later")
    if word == "superseded":
        newer = f"a newer holder (token, step: {rest}) has been there, so this one is told nothing"
        return Result("unknown", why=newer, lasting=True)
    nothing = {
        "expired": "the go came too late for the target, which had given up; nothing was started",
        "absent": f"it never reached the target, and with token {order.token} there it cannot any more",
        "unstarted": "the target was ready but heard no go; nothing was started",
    }
    if word in nothing:
        return Result("failed", why=nothing[word], started=False)
    raise ValueError(f"the wrapper said {line[:80]!r}; install the healer-run that came with this healer")


def _done(rest: str) -> Done:
    code, how, age, size, cut = rest.split(" ")
    return Done(
        exit_code=int(code),
        by_deadline=how == "deadline",
        age=max(0, int(age)) * MILLISECOND,
        size=int(size),
        cut=cut == "cut",
    )


def impostor(machine: str, order: Order) -> str:
    """Why this machine is not the one that the order is for, or ""."""
    if not order.identity or machine == order.identity:
        return ""
    found = f"its machine-id is {machine}" if machine else "it has no machine-id"
    return (
        f"{order.target} proved to be another machine: {found}, and the topology says {order.identity}. "
        f"If it was replaced or installed anew, correct its machine_id there"
    )


def looked(answer: Looked, output: bytes, order: Order) -> Seen:
    """What was seen, unless another machine was looked at."""
    if why := impostor(answer.machine, order):
        return Seen(why=why)
    return Seen(answer.exit_code, output.decode("utf-8", "replace"))


def finished(done: Done, output: bytes, order: Order, now: Micros) -> Result:
    """The result of a run that is over. `now`: healer's clock when the answer was read."""
    if done.by_deadline:
        outcome, why = "failed", f"it was still running after {order.deadline_s} s and was ended"
    elif done.exit_code:
        outcome, why = "failed", f"it ended with exit code {done.exit_code}"
    else:
        outcome, why = "succeeded", ""
    text = output.decode("utf-8", "replace")
    return Result(
        outcome="succeeded" if outcome == "succeeded" else "failed",
        exit_code=done.exit_code,
        output=f"{text}\n[cut after {done.size} bytes]" if done.cut else text,
        why=why,
        ended_at=now - done.age,
    )
