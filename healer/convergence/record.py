"""How sure is a name? As sure as names of its kind proved to be in this very installation. Pure.

People confirm a root or blame another node; `people.record` counts it by the kind of name it was. A kind is how the root was
found, how far ahead of the second candidate it was, and among how many: a margin by itself is no confidence, because tiny
storms with a silent cause look clearest of all. Read by `incidents` and the quality bench.
"""

from collections.abc import Mapping

from healer.convergence.fixed import ONE
from healer.convergence.outcome import Confidence, Naming

ENOUGH = 10
"""Judged roots of a family (found directly, by rank, ...) before anything is said."""
STRENGTH = 5
"""As many roots of its own kind must be judged to count as much as the whole family does."""
AHEAD, CLEAR = 250_000, 750_000
"""Margins, in millionths of the score, from which the first candidate is ahead of the second, and clearly so."""
MANY = 4
"""Alerting nodes from which a storm is not a tiny one."""

Record = Mapping[str, tuple[int, int]]
"""By kind, how many roots turned out right, and wrong."""


def kind_of(naming: Naming) -> str:
    """The kind of a name: `direct`, or `ranked, clear, many`; its family is the first word."""
    if naming.how != "ranked" or not naming.candidates:
        return naming.how
    first, *others = naming.candidates
    margin = first.score - others[0].score if others else 0
    distance = "clear" if margin >= CLEAR else "ahead" if margin >= AHEAD else "close" if others else "alone"
    alerting = sum(1 for one in naming.candidates if one.labels)
    return f"{naming.how}, {distance}, {'many' if alerting >= MANY else 'few'}"


def confidence(record: Record, kind: str) -> Confidence:
    """How often names of this kind were right here; no value while too few of its family were judged."""
    family = _family(kind)
    right = sum(count for name, (count, _) in record.items() if _family(name) == family)
    judged = sum(sum(counts) for name, counts in record.items() if _family(name) == family)
    if judged < ENOUGH:
        return Confidence(None, right, judged)
    share = (right + 1) * ONE // (judged + 2)
    own_right, own_wrong = record.get(kind, (0, 0))
    value = (own_right * ONE + STRENGTH * share) // (own_right + own_wrong + STRENGTH)
    return Confidence(value, right, judged)


def _family(kind: str) -> str:
    return kind.partition(",")[0]
