"""A person's word that matching alerts are not to be spoken of. Pure.

Mirrored from Alertmanager by `healer.alertmanager` (edge); judged by `healer.convergence`.
"""

import msgspec

from healer.times import Micros


class SilenceMatcher(msgspec.Struct, frozen=True):
    """One matcher as Alertmanager's API writes it. `value` is a full-match regular expression when `is_regex`."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Silence(msgspec.Struct, frozen=True):
    """Matchers that must all match, between two instants. `source` is where it was said (an Alertmanager's URL, or healer)."""

    id: str
    source: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at: Micros
    ends_at: Micros
    created_by: str = ""
    comment: str = ""
