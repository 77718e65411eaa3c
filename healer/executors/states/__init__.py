"""What does `observe` show, what would the action change about it, and did it? Pure: one module for each kind of state.

An action says `shows: KIND` beside its `observe:`; `healer.remediation.proof` asks here before and after the effect. The
kinds are `rules.actions.SHOWN`, held to each other by a test, and `object`, which the kubernetes executor looks at by itself.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from healer.executors.states import boot, disk, lease, process, resource, service
from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen
from healer.times import Micros


class Kind(NamedTuple):
    """How one kind of state is read. `patience`: how long after the command's end the effect may come to show.

    `told` is the state as one value, for rules that verify by it; None where it cannot be read.
    """

    preview: Callable[[Seen, Given], Change]
    took_effect: Callable[[str, Seen, Given], Proof]
    patience: Micros | None
    told: Callable[[Seen], float | str | None]


KINDS: Mapping[str, Kind] = {
    "boot": Kind(boot.preview, boot.took_effect, boot.PATIENCE, boot.told),
    "disk": Kind(disk.preview, disk.took_effect, disk.PATIENCE, disk.told),
    "lease": Kind(lease.preview, lease.took_effect, lease.PATIENCE, lease.told),
    "object": Kind(resource.preview, resource.took_effect, resource.PATIENCE, resource.told),
    "process": Kind(process.preview, process.took_effect, process.PATIENCE, process.told),
    "service": Kind(service.preview, service.took_effect, service.PATIENCE, service.told),
}


def told(shows: str, seen: Seen) -> tuple[float | str | None, str]:
    """What a look tells, as one value: a state, or the exit code where `shows` is ""; None, and why, where it tells nothing."""
    if seen.exit_code is None:
        return None, seen.why or "nothing could be seen"
    if not shows:
        return float(seen.exit_code), ""
    value = KINDS[shows].told(seen) if shows in KINDS else None
    if value is None:
        return (
            None,
            f"exit code {seen.exit_code}, and what it said is no {shows}: {' '.join(seen.output.split())[:100]}",
        )
    return value, ""


def preview(shows: str, seen: Seen, given: Given) -> Change:
    """What the action would change about what was seen. A look that brought nothing leaves the change unknown."""
    if seen.exit_code is None:
        return Change(now=f"unknown: {seen.why}")
    if shows not in KINDS:
        return Change(now=" ".join(seen.output.split())[:300] or f"exit code {seen.exit_code}")
    return KINDS[shows].preview(seen, given)


def took_effect(shows: str, before: str, after: Seen, given: Given) -> Proof:
    """Whether what is seen now is what the action wanted, against what was seen before it ran."""
    if after.exit_code is None:
        return Proof(None, f"afterwards nothing could be seen: {after.why}")
    if shows not in KINDS or not before:
        return Proof(None, "")
    return KINDS[shows].took_effect(before, after, given)


def patience(shows: str) -> Micros | None:
    """How long after the command's end an effect may still show; None: until the step's deadline."""
    return KINDS[shows].patience if shows in KINDS else 0
