"""What is the value of this alert's expression now, as the Prometheus that raised it has it? For rules that name `value`."""

from collections.abc import Iterable, Mapping, Sequence

from healer.alerts.identity import labels_of
from healer.prometheus.rules import Active, CannotTell, Source


class NoValue(Exception):
    """Why there is none."""


async def value_of(labels: bytes, sources: Sequence[Source]) -> float:
    """The value of the alert with these labels (canonical), from the first that has it. Raises NoValue."""
    wanted = labels_of(labels)
    asked = [source for source in sources if source.speaks_for(wanted)]
    why = "no Prometheus has this alert now" if asked else "no Prometheus is configured for this alert"
    for source in asked:
        try:
            found = own(await source.active(), wanted)
        except CannotTell as error:
            why = str(error)
            continue
        if found is not None and found.value is not None:
            return found.value
    raise NoValue(why)


def own(active: Iterable[Active], labels: Mapping[str, str]) -> Active | None:
    """The alert that this one is there: all its labels are among these, and of several it has the most."""
    same = (one for one in active if one.labels.items() <= labels.items())
    return max(same, key=lambda one: len(one.labels), default=None)
