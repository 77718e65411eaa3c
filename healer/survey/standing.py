"""How does each source stand: what it said last, for how long it has failed, what of it is not believed yet? Pure but for
being changed in place by `healer.survey.gathering`, its one owner.
"""

import msgspec

from healer.times import Micros, format_duration
from healer.topology.answers import Answer
from healer.topology.comparing import Compared
from healer.topology.shrinking import Refusal, refusal, shrunk


class Terms(msgspec.Struct, frozen=True):
    """By what answers are judged (see `topology` in the settings). Durations are microseconds."""

    shrink: float
    confirm: Micros
    trouble_after: Micros
    linger: Micros
    """For how long a node that left stays known: alerts about it may still come, and want their cause."""


class Standing(msgspec.Struct):
    """One source. `heard`: it answered since this process began. `refused` is the answer that is not believed."""

    name: str
    kind: str
    answer: Answer | None = None
    nodes: int = 0
    edges: int = 0
    heard: bool = False
    failing_since: Micros = 0
    why: str = ""
    refusal: Refusal | None = None
    refused: bytes = b""
    kept: bool = True
    """Whether the store has `answer`."""
    troubled: bool = False

    def fail(self, why: str, now: Micros) -> None:
        """It did not answer: what it said last stays."""
        self.failing_since = self.failing_since or now
        self.why = why

    def confirm(self, now: Micros) -> None:
        """It answered as it did before."""
        self.heard, self.failing_since, self.why = True, 0, ""
        self.refusal, self.refused = None, b""
        if self.answer is not None:
            self.answer = msgspec.structs.replace(self.answer, at=now)

    def accept(self, data: bytes, nodes: int, edges: int, now: Micros) -> None:
        """It is believed."""
        self.answer, self.kept = Answer(self.name, now, data), False
        self.nodes, self.edges = nodes, edges
        self.confirm(now)

    def refuse(self, data: bytes, refused: Refusal) -> None:
        """It answered, and is not believed."""
        self.heard, self.failing_since, self.why = True, 0, ""
        self.refusal, self.refused = refused, data

    def trouble(self, terms: Terms, now: Micros) -> str:
        """What somebody has to know about it, "" for nothing."""
        if self.refusal is not None:
            return self.refusal.why
        if self.failing_since and now - self.failing_since >= terms.trouble_after:
            lasts = format_duration((now - self.failing_since) // 1_000_000 * 1_000_000)
            return f"cannot be read for {lasts}: {self.why}"
        return ""


def doubted(compared: Compared, earlier: Refusal | None, now: Micros, terms: Terms) -> Refusal | None:
    """Why an answer is not believed after the one before it; None for one that is."""
    lost = shrunk(compared, terms.shrink)
    return refusal(lost, earlier, now, terms.confirm) if lost is not None else None
