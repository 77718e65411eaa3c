"""A change in one sentence, as the chat and the candidates tell it. Pure."""

from collections.abc import Mapping

import msgspec

from healer.changes.model import Change, Touched
from healer.times import SECOND, Micros, format_duration

SHORT_SHA = 8


class Phrases(msgspec.Struct, frozen=True):
    """The words of one language, `{names}` in them filled in; `done` by the state of a change."""

    sentence: str
    before: str
    just: str
    done: Mapping[str, str]
    to: str
    by: str


ENGLISH = Phrases(
    sentence="{repo} {done} {when} ({which})",
    before="{ago} before",
    just="right before",
    done={
        "pushed": "was pushed",
        "running": "is being deployed",
        "succeeded": "was deployed",
        "failed": "failed to be deployed",
    },
    to="{done} to {env}",
    by="by {actor}",
)


def told(one: Touched, onset: Micros, phrases: Phrases = ENGLISH) -> str:
    """`acme/shop was deployed to production 4m before (main, 1a2b3c4d, by alice)`."""
    change = one.change
    ago = max(onset - one.since, 0) // SECOND * SECOND
    when = phrases.before.format(ago=format_duration(ago)) if ago else phrases.just
    done, which = _what(change, phrases), _which(change, phrases)
    return phrases.sentence.format(repo=change.repo, done=done, when=when, which=which)


def _what(change: Change, phrases: Phrases) -> str:
    done = phrases.done.get(change.state, change.state)
    return phrases.to.format(done=done, env=change.env) if change.env else done


def _which(change: Change, phrases: Phrases) -> str:
    ref = change.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    parts = [ref, change.sha[:SHORT_SHA], phrases.by.format(actor=change.actor) if change.actor else ""]
    return ", ".join(part for part in dict.fromkeys(parts) if part)
