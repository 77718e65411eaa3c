"""Which processes run: `pgrep`, one id a line, exit code 1 for none."""

from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen
from healer.times import SECOND

PATIENCE = 10 * SECOND
"""What was told to end takes its leave first."""
_ENDING = ("TERM", "KILL", "INT")
_SHOWN = 10


def preview(seen: Seen, given: Given) -> Change:
    name = str(given.get("process", "the process"))
    if seen.exit_code == 1 and not seen.output.strip():
        return Change(f"no {name} runs", verdict="nothing")
    if seen.exit_code:
        return Change(f"pgrep says: {' '.join(seen.output.split())[:200]}", verdict="impossible")
    return Change(f"{name} runs: {_in_words(read(seen.output))}", f"it gets {given.get('signal', 'TERM')}")


def told(seen: Seen) -> float | None:
    """How many run."""
    return float(len(read(seen.output))) if seen.exit_code in (0, 1) else None


def took_effect(before: str, after: Seen, given: Given) -> Proof:
    """None of those processes is left. A signal that ends nobody proves nothing."""
    left = read(before) & read(after.output)
    if given.get("signal", "TERM") not in _ENDING:
        return Proof(None, "")
    if left:
        return Proof(False, f"still there after {given.get('signal', 'TERM')}: {_in_words(left)}")
    return Proof(True, f"gone: {_in_words(read(before))}")


def read(output: str) -> frozenset[int]:
    """The process ids of the lines that are one."""
    return frozenset(int(line) for line in output.split() if line.isdecimal() and len(line) < 10)


def _in_words(pids: frozenset[int]) -> str:
    shown = ", ".join(str(pid) for pid in sorted(pids)[:_SHOWN])
    return f"pid {shown}" + (f" and {len(pids) - _SHOWN} more" if len(pids) > _SHOWN else "")
