"""What goes to the wrapper, and what its words mean."""

import hypothesis
import hypothesis.strategies as st
import msgspec
import pytest

from healer.executors.target import Order, Result
from healer.executors.wrapper import Done, Ready, Unsendable, finished, read_answer, request, slot_name
from healer.times import MILLISECOND, SECOND

ORDER = Order(
    intent="i1", step=2, token=7, target="host:cn-1", address="10.0.0.1", argv=("/bin/echo", "a b"), deadline_s=30
)


def test_request() -> None:
    """A request is lines of names and values, each argument on a line of its own."""
    assert request("run", ORDER, 100).decode().splitlines() == [
        "healer 1",
        "verb run",
        f"target {slot_name('host:cn-1')}",
        "intent i1",
        "token 7",
        "step 2",
        "deadline 30",
        "wait 1",
        "limit 100",
        "trace ",
        "argc 2",
        "arg /bin/echo",
        "arg a b",
        "end",
    ]


def test_probe_carries_no_command() -> None:
    """A probe has no effect, so it carries nothing that could be executed."""
    assert b"arg " not in request("probe", ORDER, 100)


@hypothesis.given(st.lists(st.text(), max_size=8))
def test_every_argument_is_one_line(arguments: list[str]) -> None:
    """Whatever the arguments hold, the request has one line for each, or is refused."""
    order = msgspec.structs.replace(ORDER, argv=("/bin/echo", *arguments))
    if any("\n" in argument or "\0" in argument for argument in arguments):
        with pytest.raises(Unsendable):
            request("run", order, 100)
        return
    lines = request("run", order, 100).split(b"\n")
    assert [line.removeprefix(b"arg ").decode() for line in lines[12:-2]] == arguments
    assert lines[-2:] == [b"end", b""]


@pytest.mark.parametrize(
    "change",
    [
        {"intent": "two words"},
        {"intent": "line\nbreak"},
        {"intent": ""},
        {"intent": "x" * 65},
        {"trace_id": "x\nverb run"},
        {"token": -1},
        {"token": 10**17},
        {"step": -1},
        {"deadline_s": 1},
        {"deadline_s": 86_401},
        {"argv": ()},
        {"argv": ("",)},
        {"argv": ("-c", "id")},
        {"argv": ("/bin/echo", "nul\0")},
        {"argv": ("/bin/echo", "new\nline")},
        {"argv": ("/bin/echo", "\ud800")},
        {"argv": ("/bin/echo",) * 257},
        {"argv": ("/bin/echo", "x" * 98_304)},
    ],
)
def test_unsendable(change: dict[str, object]) -> None:
    """An order that does not fit into a request is refused on this side."""
    with pytest.raises(Unsendable):
        request("run", msgspec.structs.replace(ORDER, **change), 100)


@pytest.mark.parametrize("target", ["", "a b\nc", "\ud800", "../x", "机架"])
def test_slot_name(target: str) -> None:
    """Any node id has a name of 32 hexadecimal digits in the register."""
    assert len(slot_name(target)) == 32
    assert int(slot_name(target), 16) >= 0


@pytest.mark.parametrize(
    ("line", "outcome", "started"),
    [
        ("refused stale: older", "refused", False),
        ("refused busy: another run", "refused", False),
        ("expired", "failed", False),
        ("absent", "failed", False),
        ("unstarted", "failed", False),
        ("running", "unknown", True),
        ("superseded 9 0", "unknown", True),
        ("interrupted killed", "failed", True),
        ("interrupted rebooted", "failed", True),
    ],
)
def test_words(line: str, outcome: str, started: bool) -> None:
    """`started` is False only where the target's word proves that there was no effect and will be none."""
    answer = read_answer(line.encode(), ORDER)
    assert isinstance(answer, Result)
    assert (answer.outcome, answer.started, bool(answer.why)) == (outcome, started, True)


def test_ready_and_done() -> None:
    """Ready stands alone; done says code, how, age in ms, size and whether the output was cut."""
    assert read_answer(b"ready", ORDER) == Ready()
    assert read_answer(b"done 3 exited 250 17 cut", ORDER) == Done(3, False, 250 * MILLISECOND, 17, True)


@pytest.mark.parametrize("line", [b"", b"hello", b"done", b"done x exited 1 2 cut", b"done 1", b"\xff\xfe"])
def test_gibberish(line: bytes) -> None:
    """What the wrapper cannot have said is an error, never an outcome."""
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Python's own for some
        read_answer(line, ORDER)


def test_end_is_never_too_early() -> None:
    """The end is the answer's arrival less its age; an age below zero (a clock that stepped) counts as none."""
    answer = read_answer(b"done 0 exited -5 0 whole", ORDER)
    assert isinstance(answer, Done)
    assert finished(answer, b"", ORDER, 100 * SECOND).ended_at == 100 * SECOND
    answer = read_answer(b"done 0 exited 2000 0 whole", ORDER)
    assert isinstance(answer, Done)
    assert finished(answer, b"", ORDER, 100 * SECOND).ended_at == 98 * SECOND


def test_deadline_is_a_failure() -> None:
    """A run that its deadline ended failed, whatever exit code it left."""
    result = finished(Done(0, True, 0, 3, True), b"abc", ORDER, 0)
    assert (result.outcome, result.started, result.output) == ("failed", True, "abc\n[cut after 3 bytes]")
