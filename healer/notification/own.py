"""Alerts about healer itself, in words: what a code means at night, and what to do. Pure."""

import msgspec

from healer.alerts.identity import labels_of

ALERT = "HealerTrouble"
"""The alertname of what `healer.journey.fold` makes of a `Troubled` record; its label `code` says what is wrong."""


_MARK = f'"alertname":"{ALERT}"'.encode()


def is_own(labels: bytes) -> bool:
    """Whether canonical labels are of an alert about healer itself. Within a value the quotes would be escaped."""
    return _MARK in labels


RELOAD = "reload"
"""The code of changed files that were refused."""


class Trouble(msgspec.Struct, frozen=True):
    """A few words for the title, and a sentence or two."""

    title: str
    meaning: str


_TROUBLES = {
    "no input": Trouble(
        "healer hears nothing",
        "No alert and no Watchdog has come in for minutes: Prometheus or Alertmanager is down, or cannot reach healer. "
        "Nobody hears from healer of what breaks now; look at Prometheus yourself.",
    ),
    "reconciliation": Trouble(
        "many alerts would vanish",
        "Alertmanager no longer knows a large part of the open alerts. Nothing was ended because of that; see whether it "
        "has lost its Prometheus.",
    ),
    "storm": Trouble(
        "a storm: many faults at once",
        "So many things broke at once that they are told together here; what is critical is told by name as well. Nothing is "
        "run for them but by rules that say allow: storm.",
    ),
    RELOAD: Trouble(
        "changed files are refused",
        "The configuration, a topology file or the rules were changed and have a mistake, or the rules fail their own tests. "
        "What ran before runs on, and a restart would find the mistake: healer check says where it is.",
    ),
    "quarantine": Trouble(
        "healer skipped a record",
        "A record in the journal could not be applied and was stepped over, so an alert may be missing here. This is a "
        "mistake in healer: please report it with what healer doctor says.",
    ),
    "remediation overdue": Trouble(
        "a remediation does not come to its end",
        "Something outlived its deadline: a remediation in one state, or an effect of which nobody knows what became. healer's "
        "log names it, and `healer remediations` shows it; its target is left alone until that is settled.",
    ),
    "request too large": Trouble(
        "a request was too large",
        "Somebody sent more than server.max_body, and it was refused: alerts in it did not arrive. Send smaller groups, or "
        "raise the limit.",
    ),
}


def trouble(name: str, labels: bytes) -> Trouble | None:
    """What an alert about healer itself means; None for every other alert."""
    if name != ALERT:
        return None
    code = labels_of(labels).get("code", "")
    if code.startswith("topology "):
        return Trouble(
            f"the topology source {code.removeprefix('topology ')} fails",
            "It cannot be read, or would lose so much at once that it is not believed. What it said last still counts, so "
            "causes may be missing or outdated; `healer topology show` says more.",
        )
    if code.startswith("suspended "):
        return Trouble(
            "a rule is suspended",
            f"It did not help again and again: {code.removeprefix('suspended ')}. It is not run there any more. See what is "
            "wrong, then let it go on with `healer resume`; `healer pause` lists what is stopped.",
        )
    return _TROUBLES.get(code, Trouble(f"healer: {code}", "Something is wrong with healer itself: ask healer doctor."))
