"""What an alert is, once it has been read: the values that the journal keeps and the engine folds.

Made by `healer.alerts.decode`, written by T1, read by `healer.convergence`. Pure.
"""

import msgspec

from healer.times import Micros


class Alert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One alert as one sender told it.

    `labels` is its identity: JSON with sorted keys, no empty values (`healer.alerts.identity`). `ends_at` is 0 when the
    sender gave none; of a firing alert it is a lifetime, of a resolved one the end.
    """

    labels: bytes
    firing: bool
    starts_at: Micros
    ends_at: Micros


class Detail(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What people read beside an alert, and nothing decides on. Kept in the journal, never in memory."""

    annotations: dict[str, str]
    generator_url: str


class Refusal(msgspec.Struct, frozen=True):
    """One alert of a batch that could not be taken. `reason` is from a closed set (a metric's label); `detail` is for people."""

    index: int
    reason: str
    detail: str
    labels: str


class RefusedAlert(msgspec.Struct, frozen=True):
    """A refusal as the store keeps it: when, and who sent it."""

    at: Micros
    sender: str
    index: int
    reason: str
    detail: str
    labels: str


RELAY = "alertmanager/"
"""How the name of a sender begins that repeats what others told it."""


def relays(sender: str) -> bool:
    """Whether this sender repeats what others told it. It is not always let to say that an alert ended: a silence mutes that."""
    return sender.startswith(RELAY)


class Batch(msgspec.Struct, frozen=True):
    """One request, read: the good alerts with their details (same order), and the refused ones.

    `sender` tells apart those who may hold the same alert firing; `truncated` counts alerts the sender cut off.
    """

    sender: str
    alerts: tuple[Alert, ...]
    details: tuple[Detail, ...]
    refusals: tuple[Refusal, ...] = ()
    truncated: int = 0
