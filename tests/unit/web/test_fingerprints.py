"""A fingerprint is computed when somebody asks, once for each alert, and what is kept has a limit."""

from collections.abc import Iterator

from healer.alerts.identity import canonical, fingerprint
from healer.convergence.outcome import AlertView
from healer.web.fingerprints import Fingerprints


def view(labels: bytes) -> AlertView:
    return AlertView(labels, "", "root", "UNMAPPED", b"", 0, 0, 0, "", "warning", "", 0)


class Known:
    """Alerts in memory."""

    def __init__(self, count: int) -> None:
        self.found = {labels: view(labels) for labels in (canonical({"host": str(n)}) for n in range(count))}

    def alerts(self) -> Iterator[AlertView]:
        return iter(list(self.found.values()))

    def alert(self, labels: bytes) -> AlertView | None:
        return self.found.get(labels)


async def test_asked_again_nothing_is_computed_again() -> None:
    """The second question costs a look; what is new costs its own fingerprint alone."""
    known, fingerprints = Known(1_000), Fingerprints()
    *_, last = known.found
    assert await fingerprints.find(known, fingerprint(last)) == known.found[last]
    assert await fingerprints.find(known, "0" * 16) is None
    assert fingerprints.computed == 1_000
    new = canonical({"host": "new"})
    known.found[new] = view(new)
    assert await fingerprints.find(known, fingerprint(new)) is not None
    assert fingerprints.computed == 1_001


async def test_what_is_gone_is_not_found() -> None:
    """An alert that memory forgot is not known by its fingerprint either."""
    known, fingerprints = Known(2), Fingerprints()
    first, _ = known.found
    assert await fingerprints.find(known, fingerprint(first)) is not None
    del known.found[first]
    assert await fingerprints.find(known, fingerprint(first)) is None


async def test_what_is_kept_has_a_limit() -> None:
    """Beyond it everything is forgotten, and still found."""
    known, fingerprints = Known(100), Fingerprints(most=10)
    for labels in known.found:
        assert await fingerprints.find(known, fingerprint(labels)) == known.found[labels]
