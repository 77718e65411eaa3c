"""Compiled rules, and which of them listen to an event. What `rules.compiling` makes and the service works with."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from rules.actions import Action, Command, Metric
from rules.expressions import Expression, Target
from rules.patterns import PatternSet, is_literal, matches
from rules.trials import Trial
from rules.units import SECOND

Mode = Literal["observe", "suggest", "approve", "auto"]
MODES: Final[tuple[Mode, ...]] = ("observe", "suggest", "approve", "auto")
MINUTE: Final = 60 * SECOND
MAX_CACHED_EVENTS: Final = 4096


class Execute(msgspec.Struct, frozen=True, kw_only=True, tag=True, array_like=True):
    """One step that acts: the action, its parameters in order, on which node. Times are microseconds."""

    action: Action
    parameters: tuple[tuple[str, Expression], ...]
    target: Target
    timeout: int
    retry: int
    command: Command | None = None


class Notify(msgspec.Struct, frozen=True, kw_only=True, tag=True, array_like=True):
    """One step that tells people: a channel by name, what is said beside the story, and whether it goes up a level."""

    to: str
    message: Expression | None = None
    escalate: bool = False


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold, for how long without a gap, and by when. Microseconds; `text` is for people."""

    condition: Expression
    stable: int
    within: int
    text: str


class WaitUntil(msgspec.Struct, frozen=True, kw_only=True, tag=True, array_like=True):
    """One step that waits: the next one starts once this holds, and the plan fails where it does not in time."""

    until: Verify


Step: TypeAlias = Execute | Notify | WaitUntil


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """What happens when the rule would start again for the same `per`.

    `running`: `way` is skip or wait, while one is under way. `success`: skip, where one succeeded in the last `window`
    microseconds. `beyond`: skip, ask or summarize, where `count` were started in `window`. `again`: one incident may
    start it again `window` after the last one ended.
    """

    form: Literal["running", "success", "beyond", "again"]
    way: Literal["skip", "wait", "ask", "summarize", ""] = ""
    count: int = 0
    window: int = 0
    per: str = ""
    text: str


class Approver(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked, how many of them must agree, and for how long before the next is asked (microseconds)."""

    who: str
    count: int = 1
    within: int


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """`rate`: at most `count` remediations in `window` microseconds per key; `at_once`: at most `count` under way;
    `share`: at most this ratio of the node's siblings under way or not well."""

    form: Literal["rate", "at_once", "share"]
    count: int
    per: str
    window: int = 0
    share: float = 0.0
    text: str


DEFAULT_APPROVAL: Final = 30 * MINUTE
"""How long somebody is asked where the rule does not say."""
DEFAULT_STABLE: Final = 5 * MINUTE
DEFAULT_WITHIN: Final = 15 * MINUTE
DEFAULT_LIMITS: Final = (
    Limit(form="rate", count=1, per="node", window=30 * MINUTE, text="1 per 30m per node"),
    Limit(form="at_once", count=1, per="rule", text="at most 1 at a time per rule"),
    Limit(form="rate", count=3, per="rule", window=60 * MINUTE, text="3 per 1h per rule"),
)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `defaults` names the clauses that were not written; `asks` says that `when` holds a query.

    `page` says that a person is paged when nobody approves in time; `nodes` are the matchers of all that its folder's
    owner lets it touch.
    """

    name: str
    path: str
    line: int
    version: str
    on_event: tuple[str, ...]
    when: Expression | None
    then: tuple[Step, ...]
    verify: Verify
    otherwise: tuple[Step, ...] = ()
    after_success: tuple[Step, ...] = ()
    on_recovery: tuple[Step, ...] = ()
    repeat: tuple[Repeat, ...] = ()
    approve: tuple[Approver, ...] = ()
    page: bool = False
    exceptions: tuple[Expression, ...] = ()
    allow: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = DEFAULT_LIMITS
    mode: Mode = "suggest"
    priority: int = 0
    runbook: str | None = None
    defaults: tuple[str, ...] = ()
    asks: bool = False

    def listens_to(self, alertname: str) -> bool:
        """Whether one of the patterns of `on event` matches the whole name."""
        return any(matches(pattern, alertname) for pattern in self.on_event)

    @property
    def diagnostic(self) -> bool:
        """Whether every action of `then` changes nothing, so that it runs in every mode but observe."""
        acts = [step.action.diagnostic for step in self.then if isinstance(step, Execute)]
        return bool(acts) and all(acts)


class RuleSet:
    """All rules that are in force together, with what they refer to. Immutable; only the cache of `listening` grows."""

    def __init__(
        self,
        rules: Iterable[Rule],
        actions: Mapping[str, Action],
        metrics: Mapping[str, Metric],
        commands: Mapping[str, Command],
        version: str,
        tests: Iterable[Trial] = (),
    ) -> None:
        self.rules = tuple(rules)
        self.tests = tuple(tests)
        self.actions = actions
        self.metrics = metrics
        self.commands = commands
        self.version = version
        self._ranked = tuple(sorted(self.rules, key=lambda rule: -rule.priority))
        self._literal: dict[str, set[int]] = {}
        self._patterns: list[tuple[int, str]] = []
        for number, rule in enumerate(self._ranked):
            for pattern in rule.on_event:
                if is_literal(pattern):
                    self._literal.setdefault(pattern, set()).add(number)
                else:
                    self._patterns.append((number, pattern))
        self._named = {rule.name: rule for rule in reversed(self.rules)}
        self._together = PatternSet([pattern for _, pattern in self._patterns])
        self._cache: dict[str, tuple[Rule, ...]] = {}

    def listening(self, alertname: str) -> tuple[Rule, ...]:
        """The rules that listen to this event, highest priority first, then in the order of the files."""
        found = self._cache.get(alertname)
        if found is None:
            numbers = set(self._literal.get(alertname, ()))
            numbers.update(self._patterns[at][0] for at in self._together.matching(alertname))
            found = tuple(self._ranked[number] for number in sorted(numbers))
            # Names come from outside: the cache is bounded by starting over.
            if len(self._cache) >= MAX_CACHED_EVENTS:
                self._cache.clear()
            self._cache[alertname] = found
        return found

    def named(self, name: str) -> Rule | None:
        """The rule of this name."""
        return self._named.get(name)
