"""The story as a channel's message: its words, who is called for what, in whose place it is told, and where more is.

Pure. Used by `healer.notification.deliver`, and for previews.
"""

import logging

import msgspec

from healer.notification import buttons, template
from healer.notification.calling import REMINDER, is_needed, why_called
from healer.notification.escalation import is_escalation, needless, read_matter
from healer.notification.story import State, Story, one_line
from healer.notification.wording import PLAIN, Speech, worded
from notifiers.message import Emphasis, Line, Message, Span, Tone, line

log = logging.getLogger(__name__)

TONES: dict[State, Tone] = {
    "broken": Tone.BROKEN,
    "healing": Tone.WORKING,
    "healed": Tone.GOOD,
    "needs you": Tone.NEEDS_YOU,
    "over": Tone.NEUTRAL,
}


def _words(story: Story, url: str, speech: Speech) -> tuple[str, ...]:
    """What stands below line 1. A template that cannot be filled is no reason to tell nobody."""
    if not speech.template:
        return story.lines
    called = _why_called(story, story.called, speech) if story.called else ""
    try:
        return template.fill(speech.template, msgspec.structs.replace(story, called=called), url)
    except template.BadTemplate as error:
        log.warning("incident %s is told in healer's own words: the template: %s", story.incident, error)
        return story.lines


def _why_called(story: Story, matter: str, speech: Speech) -> str:
    """What somebody is called for by a message of its own."""
    if matter == REMINDER:
        return speech.say("reminded")
    if not is_escalation(matter):
        key, values = why_called(matter)
        why = speech.say(key, **values) if key in speech.tongue.lines else matter
        needed = story.facts is None or is_needed(matter, story.facts.incident, story.facts.deeds)
        return speech.say("called" if needed else "called before", why=why)
    name, number = read_matter(matter)
    needed = story.facts is None or not needless(story.facts.incident)
    return speech.say("escalated" if needed else "escalated before", escalation=one_line(name), number=number)


def message_of(
    story: Story, base_url: str, matter: str = "", speech: Speech = PLAIN, *, meant_for: str = ""
) -> Message:
    """The story as a channel's message; for a `matter` the one that calls people, beside the one that tells it. `meant_for` is
    the channel in whose place this one tells it."""
    story = worded(story, speech)
    where = f"incidents/{story.incident}" if story.trace_id else "report"
    url = f"{base_url}/api/v1/{where}" if base_url else ""
    called = (_why_called(story, matter, speech),) if matter else ()
    words = (*called, *_words(story, url, speech))
    lines: list[Line] = [line(Span(words[0], Emphasis.STRONG)) if words else ()]
    lines += [line(text) if text else () for text in words[1:]]
    if meant_for:
        lines += [(), line(speech.say("meant for", channel=meant_for))]
    if story.trace_id:
        code, trace = Span(story.incident, Emphasis.CODE, url), Span(story.trace_id, Emphasis.CODE)
        lines += [(), line(speech.say("incident"), code, speech.say("trace"), trace)]
    return Message(
        title=story.title,
        lines=tuple(lines),
        more_url=url,
        more=speech.say("more"),
        tone=TONES[story.state],
        silent=not matter and story.severity in ("info", "warning") and story.state != "needs you",
        code=story.incident,
        ended=story.state in ("healed", "over"),
        buttons=buttons.under(story, speech),
    )
