"""Alerts about healer itself, in words: what a code means at night, and what to do. Pure."""

from collections.abc import Mapping

import msgspec

from healer.alerts.identity import labels_of

ALERT = "HealerTrouble"
"""The alertname of what `healer.journey.troubles` makes of a `Troubled` record; its label `code` says what is wrong."""


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


TROUBLES: Mapping[str, Trouble] = {
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
        "storm: too many faults",
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
    "locks": Trouble(
        "no locks, no repairs",
        "The Redis or etcd that keeps the locks of targets does not answer. A repair that is due waits for it, and goes to a "
        "person when its time is over; alerts come in and are told as ever. Look at what `locks` names; this ends by itself.",
    ),
    "remediation overdue": Trouble(
        "a repair does not end",
        "Something outlived its deadline: a remediation in one state, or an effect of which nobody knows what became. healer's "
        "log names it, and `healer remediation list` shows it; its target is left alone until that is settled.",
    ),
    "request too large": Trouble(
        "a request was too large",
        "Somebody sent more than server.max_body, and it was refused: alerts in it did not arrive. Send smaller groups, or "
        "raise the limit.",
    ),
    "topology": Trouble(
        "topology fails: {what}",
        "This source cannot be read, or would lose so much at once that it is not believed. What it said last still counts, so "
        "causes may be missing or outdated; `healer topology show` says more.",
    ),
    "escalation unfinished": Trouble(
        "somebody was not called",
        "An escalation did not call whom it should have, or nobody could be told of a call. healer's log says of which incident; "
        "see who is on it, and call them yourself. `healer doctor` says whether a channel fails.",
    ),
    "calendar": Trouble(
        "calendar fails: {what}",
        "This calendar of who is on call cannot be read, or says something that healer does not understand. What it said last "
        "still counts, so somebody may be called who is not on call any more: `healer oncall` shows who.",
    ),
    "suspended": Trouble(
        "a rule is suspended",
        "It did not help again and again: {what}. It is not run there any more. See what is "
        "wrong, then let it go on with `healer resume`; `healer pause` lists what is stopped.",
    ),
    "drill": Trouble(
        "drill failed: {what}",
        "A rehearsal did not come to its end: what kept it may keep a real repair, too. `healer drill --list` says "
        "what was missing; this ends when the drill passes.",
    ),
    "": Trouble("healer: {what}", "Something is wrong with healer itself: ask healer doctor."),
}
"""By the code, or its first word where the rest says what of: `{what}`. "" is for every other code."""


def trouble(name: str, labels: bytes, troubles: Mapping[str, Trouble] = TROUBLES) -> Trouble | None:
    """What an alert about healer itself means; None for every other alert."""
    if name != ALERT:
        return None
    code = labels_of(labels).get("code", "")
    kind, _, what = code.partition(" ")
    if code in troubles and code:
        return troubles[code]
    if kind not in ("topology", "suspended", "drill", "calendar") or not what:
        kind, what = "", code
    found = troubles[kind]
    return Trouble(found.title.format(what=what), found.meaning.format(what=what))
