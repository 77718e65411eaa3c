"""How a message looks in the HTML that the Bot API understands. The text is cleaned and cut before; here it is marked up."""

from notifiers.message import Emphasis, Line, Message, Span

_TAGS = {Emphasis.STRONG: "b", Emphasis.CODE: "code"}


def render(message: Message) -> str:
    """The message as HTML: the title strong, everything from outside escaped."""
    title = f"<b>{escape(message.title)}</b>" if message.title else ""
    return "\n".join((title, *map(_line, message.lines)))


def escape(text: str) -> str:
    """Text as text, also inside an attribute in double quotes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def _line(spans: Line) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    text = escape(span.text)
    if not text:
        return ""
    if tag := _TAGS.get(span.emphasis):
        text = f"<{tag}>{text}</{tag}>"
    return f'<a href="{escape(span.url)}">{text}</a>' if span.url else text
