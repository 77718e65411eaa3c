"""What the settings say of an alert: severity, hardness, who may explain whom, its rule's `for`. Cached by label values."""

from collections.abc import Mapping

from healer.alerts.glance import Values, given
from healer.convergence.episode import Traits
from healer.convergence.settings import IGNORE, LEVELS, Convergence

_CACHE_LIMIT = 100_000
MAX_UNKNOWN = 20
"""Severities nobody knows that are remembered to be listed; a label may have any number of values."""


class Reader:
    """Reads traits from labels. Only a few labels matter, so equal values share one frozen `Traits`."""

    def __init__(self, settings: Convergence, heartbeat: str) -> None:
        self._settings = settings
        self._heartbeat = heartbeat
        names = {"alertname", "severity", *settings.hard.names}
        if settings.suppressors is not None:
            names.update(settings.suppressors.names)
        for matchers in settings.never_suppress:
            names.update(matchers.names)
        self.names = tuple(sorted(names))
        """The labels that are read."""
        self._cache: dict[Values, Traits] = {}
        self._mute: dict[Values, Traits] = {}
        self.unknown: dict[str, None] = {}
        """Severities that alerts had and that mean nothing here, "" for none at all; they count as warning."""

    def read(self, values: Values, explains: bool = True) -> Traits:
        """The traits of an alert with these values of `names`; `explains` is what the mapping says of it."""
        cache = self._cache if explains else self._mute
        found = cache.get(values)
        if found is None:
            if len(cache) >= _CACHE_LIMIT:
                cache.clear()
            found = cache[values] = self._make(given(self.names, values), explains)
        return found

    def _make(self, labels: Mapping[str, str], explains: bool) -> Traits:
        settings = self._settings
        name, said = labels.get("alertname", ""), labels.get("severity", "")
        severity = settings.severities.get(said, said)
        ignored = severity == IGNORE or (bool(name) and name == self._heartbeat)
        if severity not in LEVELS:
            severity = "info" if ignored else "warning"
            if not ignored and len(self.unknown) < MAX_UNKNOWN:
                self.unknown[said] = None
        return Traits(
            name=name,
            severity=severity,
            level=LEVELS.index(severity),
            ignored=ignored,
            hard=settings.hard.matches(labels),
            suppressor=explains
            and not ignored
            and (settings.suppressors is None or settings.suppressors.matches(labels)),
            always_told=any(matchers.matches(labels) for matchers in settings.never_suppress),
            ahead=settings.ahead(name),
            hold=settings.hold.critical if severity == "critical" else settings.hold.default,
        )
