"""What was made for a setting is kept for as long as the setting stays, so that a reload makes anew only what changed: any other
channel keeps its breaker, any other cluster its watches. Used by `healer.bootstrap`.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import msgspec

T = TypeVar("T")


class _Made(msgspec.Struct, frozen=True):
    setting: object
    thing: object
    end: Callable[[], None]


class Kept:
    """One generation. `again` begins the next one, which takes over whatever is asked for with the same setting."""

    def __init__(self, before: Mapping[str, _Made] | None = None) -> None:
        self._before = dict(before or {})
        self._made: dict[str, _Made] = {}

    def once(self, name: str, setting: object, make: Callable[[], T], end: Callable[[T], None] | None = None) -> T:
        """What was made under this name for an equal setting, or else what `make` gives; `end` is called when it is replaced."""
        known = self._made.get(name) or self._before.get(name)
        if known is None or known.setting != setting:
            thing = make()
            known = _Made(setting, thing, lambda: end(thing) if end is not None else None)
        self._made[name] = known
        return cast("T", known.thing)

    def again(self) -> "Kept":
        """The next generation; until `settle` this one is untouched, and may go on if the next cannot be used."""
        return Kept(self._made)

    def settle(self) -> None:
        """This generation is in use: end what was not taken over."""
        for name, made in self._before.items():
            now = self._made.get(name)
            if now is None or now.thing is not made.thing:
                made.end()
        self._before = {}
