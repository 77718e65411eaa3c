"""The state of a systemd unit: `systemctl show` with LoadState, ActiveState, SubState, MainPID, InvocationID."""

from healer.executors.states.reading import Change, Given, Proof, fields
from healer.executors.target import Seen

PATIENCE = 0


def preview(seen: Seen, given: Given) -> Change:
    """A restart always changes something, unless there is no such unit, or a person keeps it from starting."""
    found = fields(seen.output)
    unit = str(given.get("unit", "the unit"))
    if seen.exit_code or not found:
        return Change(f"{unit}: systemctl answers with exit code {seen.exit_code}", "started anew")
    if found.get("LoadState") == "not-found":
        return Change(f"there is no unit {unit}", verdict="impossible")
    if found.get("LoadState") == "masked":
        return Change(f"{unit} is masked: somebody does not want it to run", verdict="impossible")
    return Change(f"{unit} is {_in_words(found)}", "started anew")


def told(seen: Seen) -> str | None:
    """ActiveState, as systemd has it: active, activating, inactive, failed. Of a unit that is not there: not-found."""
    found = fields(seen.output)
    if found.get("LoadState") == "not-found":
        return "not-found"
    return found.get("ActiveState") or None


def took_effect(before: str, after: Seen, given: Given) -> Proof:
    """It runs, and it is another run than before."""
    was, now = fields(before), fields(after.output)
    unit = str(given.get("unit", "the unit"))
    if now.get("ActiveState") in ("failed", "inactive") and now.get("Type") != "oneshot":
        return Proof(False, f"{unit} is {_in_words(now)} after it was started anew")
    for name in ("InvocationID", "MainPID"):
        old, new = was.get(name, ""), now.get(name, "")
        if old.strip("0") and new.strip("0"):
            if old == new:
                return Proof(False, f"{unit} was not started anew: its {name} is still {new}")
            return Proof(True, f"{unit} was {_in_words(was)}, is {_in_words(now)}")
    if was.get("ActiveState") != "active" and now.get("ActiveState") == "active":
        return Proof(True, f"{unit} was {_in_words(was)}, is {_in_words(now)}")
    return Proof(None, f"{unit} is {_in_words(now)}")


def _in_words(found: dict[str, str]) -> str:
    state, sub = found.get("ActiveState", "in an unknown state"), found.get("SubState", "")
    return f"{state} ({sub})" if sub else state
