"""A value that opens doors and must not be seen: not in a log line, an error, a repr or a span."""

from typing import Any, NoReturn
from urllib.parse import quote

HIDDEN = "***"


class Secret:
    """A resolved secret. Only `reveal()` shows it; everything else that makes text of it writes `***`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself. Whoever calls this must keep it out of whatever people or files get to see."""
        return self._value

    def hide_in(self, text: str) -> str:
        """`text` without the secret, whether it stands there plainly or quoted as in a URL."""
        if not self._value:
            return text
        for form in {self._value, quote(self._value, safe=""), quote(self._value, safe=":")}:
            text = text.replace(form, HIDDEN)
        return text

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written to files: keep the reference to it instead")


def decode_hook(kind: type, value: Any) -> Any:
    """Let msgspec read a plain string where a `Secret` is declared (`msgspec.convert(..., dec_hook=decode_hook)`)."""
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"cannot read {kind.__name__}")
