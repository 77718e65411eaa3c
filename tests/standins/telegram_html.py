"""What the Bot API's HTML mode accepts: the stand-in's judge of markup. Gives the text that people see, or the refusal."""

import html
import re

_TAGS = {
    *("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "a", "blockquote", "tg-spoiler"),
    *("span", "tg-emoji"),
}
_TAG = re.compile(r"""<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s+[A-Za-z-]+(?:="[^"<>]*")?)*)\s*>""")
_ENTITY = re.compile(r"&(?:(lt|gt|amp|quot)|#([0-9]+)|#x([0-9A-Fa-f]+));?")


class BadMarkup(ValueError):
    """The text of the refusal, as the Bot API words it."""


def parse(text: str) -> tuple[str, list[str]]:
    """(text as people see it, entities as `tag@offset+length` with offsets in code points). Raises BadMarkup."""
    seen = ""
    entities: list[str] = []
    opened: list[tuple[str, str, int]] = []
    at = 0
    while at < len(text):
        if text[at] == "<":
            tag = _TAG.match(text, at)
            if not tag or tag[2].lower() not in _TAGS:
                raise BadMarkup(f"can't parse entities: Unsupported start tag at byte offset {_byte(text, at)}")
            name = tag[2].lower()
            if not tag[1]:
                opened.append((name, tag[3].strip(), len(seen)))
            elif not opened or opened[-1][0] != name:
                raise BadMarkup(f"can't parse entities: Unexpected end tag at byte offset {_byte(text, at)}")
            else:
                _, attributes, start = opened.pop()
                if len(seen) > start:
                    entities.append(f"{name} {html.unescape(attributes)}@{start}+{len(seen) - start}")
            at = tag.end()
        elif entity := _ENTITY.match(text, at):
            seen += html.unescape(entity[0])
            at = entity.end()
        else:
            seen += text[at]
            at += 1
    if opened:
        raise BadMarkup(f"can't parse entities: Can't find end tag corresponding to start tag {opened[-1][0]}")
    return seen, sorted(entities)


def _byte(text: str, at: int) -> int:
    return len(text[:at].encode())
