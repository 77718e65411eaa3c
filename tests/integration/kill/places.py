"""Where healer is killed: the states that a crash can leave behind. Read by the launcher, which dies there, and by the test."""

from enum import StrEnum


class Place(StrEnum):
    """Inside a transaction: its function has run, nothing is committed. After: committed, and nobody has heard of it yet."""

    IN_T1 = "inside T1"
    AFTER_T1 = "after T1"
    IN_T2 = "inside T2"
    AFTER_T2 = "after T2"
    IN_T3 = "inside T3"
    AFTER_T3 = "after T3"
    READY = "between ready and go"
    RUNNING = "while the effect runs"
    IN_T4 = "inside T4"
    AFTER_T4 = "after T4"
    IN_SEND = "in the middle of a send"
    SENT = "after a send"
    IN_TOLD = "inside the record of what was told"
    RECOVERING = "in the middle of a recovery"


WRITES: dict[str, tuple[Place, Place | None]] = {
    "append": (Place.IN_T1, Place.AFTER_T1),
    "commit": (Place.IN_T2, Place.AFTER_T2),
    "write_intent": (Place.IN_T3, Place.AFTER_T3),
    "settle_intent": (Place.IN_T4, Place.AFTER_T4),
    "told": (Place.IN_TOLD, None),
    "take_over": (Place.RECOVERING, None),
}
"""By the name of the store's method: where a process dies that is to die in it, or right after it."""

AT_LEAST_THREE = (Place.IN_T1, Place.IN_T2, Place.IN_T3, Place.IN_T4, Place.READY, Place.SENT)
"""Without three of each, the suite has not shown what it is for."""
