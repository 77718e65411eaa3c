"""What one clause is checked against, and where its mistakes go. The ground that the checks of conditions stand on.

Called by `rules.checking`, whose parts (`rules.calling`, `rules.operating`) are built on it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

import msgspec

from rules import syntax
from rules.actions import Action, Metric
from rules.expressions import Expression, Target
from rules.names import COMMON_KINDS, FEATURES
from rules.patterns import BadPattern, compile_pattern
from rules.problems import Report, did_you_mean
from rules.syntax import Span, Tree


class World(msgspec.Struct, frozen=True):
    """What is defined outside the rule: severities in order, kinds of node, metrics, channels. None: any word is one."""

    severities: tuple[str, ...]
    kinds: frozenset[str] | None
    metrics: Mapping[str, Metric]
    channels: Collection[str] | None = None
    calendars: Collection[str] | None = None
    lacks: frozenset[str] = frozenset()
    broken: frozenset[str] = frozenset()
    """Definitions with a mistake of their own, as `metric x`: whoever refers to one is not blamed for that."""

    @property
    def kind_names(self) -> frozenset[str]:
        """The kinds that may stand as bare names; the common ones may although nothing here is of that kind."""
        return COMMON_KINDS | (self.kinds or frozenset())


class Reach(msgspec.Struct, frozen=True):
    """Through which actions a condition may look at nodes, and at which: matchers, all of which must hold."""

    actions: Mapping[str, Action]
    allowed: Collection[str] | None = None
    """Those that the rule's folder may use. None: all."""
    nodes: tuple[str, ...] = ()


class ClauseCheck(ABC):
    """Checks the trees of one clause: `text` is the clause's body, `base` where it starts in the file."""

    def __init__(self, world: World, report: Report, text: str, base: int, target: Target | None = None) -> None:
        self.world = world
        self.report = report
        self.text = text
        self.base = base
        self.target = target or Target()
        self.used_metrics: list[tuple[str, Span]] = []
        self.reach: Reach | None = None
        """Set only while a condition is read that is asked after an effect."""
        self.looked_through: set[str] = set()
        """The versions of the actions that it looks through."""

    @abstractmethod
    def expression(self, tree: Tree) -> Expression:
        """The tree with names resolved and types agreed."""

    @abstractmethod
    def condition(self, tree: Tree) -> Expression:
        """The tree as a condition; anything but true or false is an error."""

    @abstractmethod
    def template(self, literal: syntax.Literal, *, query: bool) -> Expression:
        """A text with holes; in a query they stand inside quoted strings."""

    def error(self, code: str, span: Span, message: str, **more: str) -> None:
        """Report an error at a span of this clause."""
        self.report.error(code, self.place(span), message, **more)

    def place(self, span: Span) -> Span:
        """A span of this clause as a span of the file."""
        return span[0] + self.base, span[1] + self.base

    def words(self, span: Span) -> str:
        """What was written there, on one line."""
        return " ".join(self.text[span[0] : span[1]].split())

    def uses(self, feature: str, span: Span, shown: str, code: str = "E0602") -> None:
        """Report an error where this installation cannot carry the feature out."""
        assert feature in FEATURES, feature
        if feature in self.world.lacks:
            hint = "the language knows it, and this healer does not yet: leave it out"
            self.error(code, span, f"{shown} cannot be carried out here", hint=hint)

    def kind(self, name: syntax.Name) -> bool:
        """Whether the name is a kind of node; reports an error where it is not."""
        if self.world.kinds is None or name.path in self.world.kind_names:
            return True
        known = did_you_mean(name.path, self.world.kind_names)
        self.error("E0205", name.span, f"`{name.path}` is no kind of node", **known)
        return False

    def pattern(self, pattern: str, span: Span) -> bool:
        """Whether RE2 accepts the pattern; reports an error where it does not."""
        try:
            compile_pattern(pattern)
        except BadPattern as bad:
            self.error("E0306", span, f"RE2 does not accept this: {bad}")
            return False
        return True
