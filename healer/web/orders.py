"""What a person tells healer to do, out of a request's body. Used by the handlers that take one."""

import re
from typing import TypeVar

import msgspec

from healer.web.problems import Fault, Problem

BODY_BYTES = 64 * 1024
_PATH = re.compile(r"`\$\.?([^`]*)`")

T = TypeVar("T")


def read_order(body: bytes, shape: msgspec.json.Decoder[T]) -> T:
    """The order in a body. Raises Problem 400 that points at what is wrong."""
    try:
        return shape.decode(body)
    except msgspec.ValidationError as wrong:
        place = _PATH.search(str(wrong))
        pointer = f"/{place[1]}" if place else ""
        raise Problem(400, "the order cannot be read", [Fault(pointer, str(wrong))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise Problem(400, f"the body is not JSON: {broken}") from None


def refuse(wrong: list[tuple[str, str]], what: str) -> None:
    """Raises Problem 400 with a pointer to each field that is wrong, if any is."""
    if wrong:
        raise Problem(400, f"{what} cannot be taken", [Fault(f"/{field}", why) for field, why in wrong])
