"""How much of a message fits: cleaned, measured as the channel measures, and cut on code points before any markup.

Pure. Called by every channel on the way out.
"""

import unicodedata
from collections.abc import Callable

import msgspec

from notifiers.message import Line, Message, Span, line

Measure = Callable[[str], int]

ELLIPSIS = "…"
MORE = "read all of it"

_NEWLINES = str.maketrans({"\r": None, "\n": " ", "\v": " ", "\f": " ", "\u2028": " ", "\u2029": " ", "\t": " "})


def utf16_units(text: str) -> int:
    """The length in UTF-16 code units: a character outside the basic plane counts twice."""
    return len(text) + sum(character > "\uffff" for character in text)


def utf8_bytes(text: str) -> int:
    """The length in bytes of UTF-8."""
    return len(text.encode("utf-8", "replace"))


def clean(text: str) -> str:
    """One line of what people can read: no control characters, no terminal escapes, no half surrogates, nothing that
    turns the reading direction around. A label's value may hold any of these."""
    return "".join(filter(None, map(_readable, text.translate(_NEWLINES))))


def _readable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    turns_direction = "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
    return "" if category == "Cc" or turns_direction else character


def is_web_link(url: str) -> bool:
    """Whether people can be sent there: only http and https, and nothing invisible in it."""
    return url.startswith(("http://", "https://")) and clean(url) == url and " " not in url


def without_links(message: Message) -> Message:
    """The same story for a channel that knows no links: the address is written out behind the text."""
    return msgspec.structs.replace(message, lines=tuple(tuple(map(_written_out, spans)) for spans in message.lines))


def _written_out(span: Span) -> Span:
    if not span.url:
        return span
    return Span(span.url if span.text == span.url else f"{span.text}: {span.url}", span.emphasis)


def fit(message: Message, size: int, measure: Measure, *, links: bool = True) -> Message:
    """The message cleaned, and cut to `size` by `measure` (0: no limit) as plain text with one newline between lines.

    What was cut ends with an ellipsis; behind it stands a link to `more_url`, if there is one. With `links=False`
    addresses are written out and count.
    """
    whole = _cleaned(message if links else without_links(message))
    if not size or measure(plain_text(whole)) <= size:
        return whole
    more = _more(message, links=links)
    room = size - measure("\n" + ELLIPSIS)
    budget = room - (measure("\n" + _text(more)) if more else 0)
    if budget < size // 2:
        # So small a channel that the address would take more room than the story.
        more, budget = (), room
    title, budget = _cut(whole.title, budget, measure)
    if title != whole.title:
        return msgspec.structs.replace(whole, title=title + ELLIPSIS, lines=(more,) if more else ())
    kept: list[Line] = []
    for spans in whole.lines:
        if budget < 1:
            kept.append(line(ELLIPSIS))
            break
        taken, budget = _cut_line(spans, budget - 1, measure)
        if taken != spans:
            kept.append((*taken, Span(ELLIPSIS)))
            break
        kept.append(taken)
    return msgspec.structs.replace(whole, lines=(*kept, more) if more else tuple(kept))


def plain_text(message: Message) -> str:
    """The message as plain text, as `fit` measures it: title, then one line each."""
    return "\n".join((message.title, *map(_text, message.lines)))


def _text(spans: Line) -> str:
    return "".join(span.text for span in spans)


def _more(message: Message, *, links: bool) -> Line:
    url, words = message.more_url, message.more or MORE
    if not is_web_link(url):
        return ()
    return line(Span(words, url=url)) if links else line(f"{words}: {url}")


def _cleaned(message: Message) -> Message:
    lines = tuple(tuple(_cleaned_span(span) for span in spans) for spans in message.lines)
    return msgspec.structs.replace(message, title=clean(message.title).strip(), lines=lines)


def _cleaned_span(span: Span) -> Span:
    if span.url and not is_web_link(span.url):
        span = _written_out(span)
    return msgspec.structs.replace(span, text=clean(span.text))


def _cut_line(spans: Line, budget: int, measure: Measure) -> tuple[Line, int]:
    taken: list[Span] = []
    for span in spans:
        text, budget = _cut(span.text, budget, measure)
        if text:
            taken.append(msgspec.structs.replace(span, text=text))
        if text != span.text:
            return tuple(taken), budget
        if not span.text:
            taken.append(span)
    return tuple(taken), budget


def _cut(text: str, budget: int, measure: Measure) -> tuple[str, int]:
    """As many whole code points from the front as fit, and what is left of the budget."""
    cost = measure(text)
    if cost <= budget:
        return text, budget - cost
    kept = 0
    for character in text:
        cost = measure(character)
        if cost > budget:
            break
        budget -= cost
        kept += 1
    return text[:kept], 0
