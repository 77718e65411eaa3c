"""Since which boot a machine runs: /proc/sys/kernel/random/boot_id."""

import re

from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen

PATIENCE = None
"""A machine takes as long to come back as the step's deadline allows."""
_BOOT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def preview(seen: Seen, _given: Given) -> Change:
    boot = seen.output.strip()
    if not _BOOT.fullmatch(boot):
        return Change("its boot id cannot be read", "a new boot")
    return Change(f"boot {boot[:8]}", "a new boot")


def told(seen: Seen) -> str | None:
    """The boot id."""
    boot = seen.output.strip()
    return boot if _BOOT.fullmatch(boot) else None


def took_effect(before: str, after: Seen, _given: Given) -> Proof:
    """The boot id is another one."""
    was, now = before.strip(), after.output.strip()
    if not (_BOOT.fullmatch(was) and _BOOT.fullmatch(now)):
        return Proof(None, "its boot id could not be read")
    if was == now:
        return Proof(False, f"it did not reboot: it still runs since boot {now[:8]}")
    return Proof(True, f"rebooted: boot {was[:8]} before, {now[:8]} now")
