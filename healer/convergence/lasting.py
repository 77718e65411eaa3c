"""What a Prometheus says of its alerting rules, as the engine and the journal keep it: how long each waits before it fires."""

from collections.abc import Iterable

import msgspec

from healer.times import Micros


class Rule(msgspec.Struct, frozen=True, array_like=True):
    """How long a rule waits (`for:`) before it fires, and the labels that it sets."""

    name: str
    labels: dict[str, str]
    lasts: Micros


def by_name(rules: Iterable[Rule]) -> dict[str, tuple[Rule, ...]]:
    """Rules by their alertname, in the order given."""
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in rules:
        found[rule.name] = (*found.get(rule.name, ()), rule)
    return found
