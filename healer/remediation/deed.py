"""One remediation as people read of it. Kept with an incident's course, told by the notification's story."""

import msgspec

from healer.times import Micros


class Deed(msgspec.Struct, frozen=True):
    """One remediation as it is told: what, on which node, by which rule, how far it got and why."""

    remediation: str
    rule: str
    what: str
    state: str
    detail: str = ""
    at: Micros = 0
    acted: bool = False
    """Whether an effect was begun."""
    runbook: str = ""
    """Where its rule says that people read what to do."""
