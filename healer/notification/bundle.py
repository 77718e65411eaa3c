"""What is told together: incidents that wait for a channel's rate share one message, a line each.

Nothing edits such a message: each incident has one of its own from its next news on. Pure; asked by
`healer.notification.deliver`.
"""

from collections.abc import Sequence

from healer.notification.escalation import is_escalation
from healer.notification.ports import TOGETHER, Claim
from healer.notification.story import TITLE_LIMIT, Story, cut
from healer.notification.wording import Speech
from notifiers.message import Emphasis, Line, Message, Span, Told, Tone, line

BUNDLED = 20
"""Incidents in one message at most: about 1200 bytes, which every channel takes."""


def is_shared(message_id: str) -> bool:
    """Whether others were told in the same message."""
    return message_id.startswith(TOGETHER)


def shared(reference: Told) -> str:
    """The reference of a message that several share, for the ledger."""
    return f"{TOGETHER}{reference.pack()}"


def may_share(claim: Claim, story: Story) -> bool:
    """Whether it would be a new message about an incident that asks for nothing: such ones can be told together."""
    return not claim.matter and (not claim.message_id or is_shared(claim.message_id)) and story.state != "needs you"


def is_news(claim: Claim, story: Story) -> bool:
    """Whether people hear of it where nothing can be edited: line 1 says something else, and not that something is being done,
    since what came of it follows, nor what they are called for in a message of its own, nor again by that one. Whom an escalation
    called hears of the end."""
    if not claim.message_id:
        return True
    if is_escalation(claim.matter):
        return story.title != claim.said and story.state in ("healed", "over") and not story.called
    return story.title != claim.said and story.state != "healing" and not story.called and not claim.matter


def bundle_of(stories: Sequence[Story], base_url: str, speech: Speech, tone: Tone) -> Message:
    """One message for these, worded already, the most urgent first."""
    others = f" +{len(stories) - 1}"
    lines: list[Line] = [line(Span(speech.say("together", count=len(stories)), Emphasis.STRONG))]
    for story in stories:
        url = f"{base_url}/api/v1/incidents/{story.incident}" if base_url else ""
        lines.append(line(f"{story.title} ", Span(story.incident, Emphasis.CODE, url)))
    return Message(
        title=cut(stories[0].title, TITLE_LIMIT - len(others)) + others,
        lines=tuple(lines),
        more_url=base_url,
        more=speech.say("more"),
        tone=tone,
        silent=all(story.severity in ("info", "warning") and story.state != "needs you" for story in stories),
        code=stories[0].incident,
    )
