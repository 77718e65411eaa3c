"""What the settings say of an alert: severity, hardness, who may explain whom, its rule's `for`. Cached by label values."""

from collections.abc import Mapping

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
        self._names = tuple(sorted(names))
        self._cache: dict[tuple[bool | str | None, ...], Traits] = {}
        self.unknown: dict[str, None] = {}
        """Severities that alerts had and that mean nothing here, "" for none at all; they count as warning."""

    def read(self, labels: Mapping[str, str], explains: bool = True) -> Traits:
        """The traits of an alert with these labels; `explains` is what the mapping says of it."""
        key = (explains, *map(labels.get, self._names))
        found = self._cache.get(key)
        if found is None:
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            found = self._cache[key] = self._make(labels, explains)
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
