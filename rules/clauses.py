"""A rule: from the clauses that were read to what they mean. Called by `rules.compiling`, one rule at a time.

A clause whose meaning is not built is read, checked where that is cheap, and refused by name.
"""

import re
from typing import Final, cast

from rules import expressions as ex
from rules import syntax
from rules.checking import Checker, World
from rules.definitions import one_word, version_of
from rules.evaluation import evaluate
from rules.expressions import Expression, Target
from rules.facts import Facts
from rules.problems import Report
from rules.reading import Draft, Written
from rules.ruleset import (
    DEFAULT_LIMITS,
    DEFAULT_STABLE,
    DEFAULT_WITHIN,
    MODES,
    Execute,
    Limit,
    Mode,
    Notify,
    Rule,
    Verify,
)
from rules.steps import Catalogue, compile_steps
from rules.units import format_duration

NOT_YET: Final = ("after success", "on recovery", "repeat", "approve", "except", "allow")
MAX_PRIORITY: Final = 1000
MAX_COUNT: Final = 1_000_000
_GONE = re.compile(r"unreachable|not_?ready|not_?responding|(node|host|instance|target)_?down|dead", re.IGNORECASE)


def compile_rule(draft: Draft, report: Report, world: World, catalogue: Catalogue) -> Rule | None:
    """The rule, or None after an error."""
    return _Compiler(draft, report, world, catalogue).compile()


class _Compiler:
    def __init__(self, draft: Draft, report: Report, world: World, catalogue: Catalogue) -> None:
        self.draft = draft
        self.report = report
        self.world = world
        self.catalogue = catalogue
        self.metrics: set[str] = set()
        self.target = Target()

    def compile(self) -> Rule | None:
        before = self.report.errors
        for word in ("on event", "then"):
            if word not in self.draft.clauses:
                self.report.error("E0106", self.draft.name_span, f"the rule has no `{word}:`", expected=f"{word}: ...")
        events = self._events()
        when = self._when(events)
        then = self._steps("then")
        self.target = next((step.target for step in then if isinstance(step, Execute)), Target())
        verify = self._verify(then)
        otherwise = self._steps("otherwise")
        limits = self._limits()
        mode = self._mode()
        priority = self._priority()
        runbook = self._tree("runbook")
        self._refuse_what_is_not_built()
        if self.report.errors > before or not self.draft.sound:
            return None
        self._warn_of_defaults(then)
        line, _ = self.report.place(self.draft.name_span[0])
        metrics = [self.world.metrics[name].version for name in sorted(self.metrics)]
        written = self.draft.clauses
        return Rule(
            name=self.draft.name,
            path=self.report.path,
            line=line,
            version=version_of(self.draft.name, self.draft.text, *metrics),
            on_event=events,
            when=when,
            then=then,
            verify=verify or self._default_verify(),
            otherwise=otherwise,
            limits=limits,
            mode=mode,
            priority=priority,
            runbook=str(runbook.value) if runbook else None,
            defaults=tuple(word for word in ("mode", "verify", "limit") if word not in written),
            asks=when is not None and ex.asks(when),
        )

    # -- clauses -----------------------------------------------------------------------------------------------

    def _clause(self, word: str) -> Written | None:
        clause = self.draft.clauses.get(word)
        return clause if clause is not None and clause.tree is not None else None

    def _tree(self, word: str) -> syntax.Literal | None:
        clause = self._clause(word)
        return cast("syntax.Literal", clause.tree) if clause else None

    def _checker(self, clause: Written) -> Checker:
        return Checker(self.world, self.report, clause.text, clause.base, self.target)

    def _events(self) -> tuple[str, ...]:
        clause = self._clause("on event")
        if clause is None:
            return ()
        checker = self._checker(clause)
        items = [item for item in clause.tree.items if checker.pattern(str(item.value), item.span)]
        return tuple(str(item.value) for item in items)

    def _when(self, events: tuple[str, ...]) -> Expression | None:
        clause = self._clause("when")
        if clause is None:
            return None
        checker = self._checker(clause)
        condition = checker.condition(clause.tree)
        self.metrics.update(name for name, _ in checker.used_metrics)
        self._warn_of_gone_nodes(checker, events)
        if _is_constant(condition) and evaluate(condition, Facts(now=0)).value is False:
            self.report.warn("W0205", clause.place(clause.tree.span), "this can never hold")
        return condition

    def _steps(self, word: str) -> tuple[Execute | Notify, ...]:
        clause = self._clause(word)
        return compile_steps(clause.tree, self._checker(clause), self.catalogue) if clause else ()

    def _verify(self, then: tuple[Execute | Notify, ...]) -> Verify | None:
        clause = self._clause("verify")
        if clause is None:
            return None
        checker = self._checker(clause)
        tree: syntax.Verification = clause.tree
        condition = checker.condition(tree.condition)
        self.metrics.update(name for name, _ in checker.used_metrics)
        span = clause.place(tree.condition.span)
        if any(isinstance(item, ex.HeldFor) for item in ex.walk(condition)):
            hint = "`stable` asks the same of the whole: X stable 5m within 15m"
            self.report.error("E0601", span, "`for` inside `verify:` is not supported yet", hint=hint)
        stable = tree.stable or 0
        within = DEFAULT_WITHIN if tree.within is None else tree.within
        if _is_constant(condition):
            self.report.error("E0502", span, "this does not depend on anything that was observed")
        elif stable > within or within <= 0:
            message = f"stable {format_duration(stable)} does not fit within {format_duration(within)}"
            self.report.error("E0502", clause.place(tree.span), message)
        else:
            self._refuse_resolved_alone(condition, then, span)
        return Verify(condition=condition, stable=stable, within=within, text=checker.words(tree.span))

    def _refuse_resolved_alone(
        self, condition: Expression, then: tuple[Execute | Notify, ...], span: tuple[int, int]
    ) -> None:
        """Resolved proves nothing where the action itself can end the alert: a host that is off sends none."""
        silencing = [
            step.action.name
            for step in then
            if isinstance(step, Execute) and (step.action.silences_source or step.action.accepts == ("pod",))
        ]
        if silencing and evaluate(condition, Facts(now=0, resolved=True, status="resolved")).value is True:
            message = f"`resolved` alone proves nothing here: {silencing[0]} can silence the alert's own source"
            hint = "ask for a positive sign beside it: resolved AND healthy(target)"
            self.report.error("E0501", span, message, hint=hint)

    def _default_verify(self) -> Verify:
        text = f"healthy({self.target}) stable 5m within 15m"
        return Verify(condition=ex.Healthy(self.target), stable=DEFAULT_STABLE, within=DEFAULT_WITHIN, text=text)

    def _limits(self) -> tuple[Limit, ...]:
        clause = self._clause("limit")
        if clause is None:
            return DEFAULT_LIMITS
        limits = []
        for item in cast("tuple[syntax.LimitText, ...]", clause.tree):
            limit = self._limit(item, clause)
            if limit is not None:
                limits.append(limit)
        return tuple(limits)

    def _limit(self, item: syntax.LimitText, clause: Written) -> Limit | None:
        checker = self._checker(clause)
        if item.form == "share" or item.per is None:
            checker.error("E0601", item.span, "`at most ...% of siblings` is not supported yet")
            return None
        count = float(item.amount.value)
        if count != int(count) or not 0 < count <= MAX_COUNT or item.window == 0:
            checker.error("E0503", item.span, "a limit is a whole number above 0, in a time above 0")
            return None
        prefix, _, rest = item.per.path.partition(".")
        known = {"rule", "node", "action"}
        dotted = prefix in {"topology", "labels", "node"} and rest
        if item.per.path not in known and not dotted:
            expected = "rule, node, action, topology.KIND, node.ATTRIBUTE or labels.NAME"
            checker.error("E0503", item.per.span, f"nothing is counted per `{item.per.path}`", expected=expected)
            return None
        if prefix == "topology" and not checker.kind(syntax.Name(span=item.per.span, path=rest)):
            return None
        form = "rate" if item.form == "rate" else "at_once"
        text = checker.words(item.span)
        return Limit(form=form, count=int(count), per=item.per.path, window=item.window or 0, text=text)  # type: ignore[arg-type] # one of two words

    def _mode(self) -> Mode:
        clause = self._clause("mode")
        word = one_word(clause, MODES, self.report) if clause else None
        return cast("Mode", word or "suggest")

    def _priority(self) -> int:
        tree = self._tree("priority")
        if tree is None:
            return 0
        value = float(tree.value)
        if value != int(value) or abs(value) > MAX_PRIORITY:
            span = self.draft.clauses["priority"].place(tree.span)
            message = f"a priority is a whole number between -{MAX_PRIORITY} and {MAX_PRIORITY}"
            self.report.error("E0503", span, message)
        return int(value)

    def _refuse_what_is_not_built(self) -> None:
        for word in NOT_YET:
            clause = self.draft.clauses.get(word)
            if clause is None:
                continue
            if word in {"after success", "on recovery"}:
                self._steps(word)
            self.report.error("E0601", clause.head, f"`{word}:` is not supported yet")

    # -- warnings ----------------------------------------------------------------------------------------------

    def _warn_of_gone_nodes(self, checker: Checker, events: tuple[str, ...]) -> None:
        gone = next((event for event in events if _GONE.search(event)), None)
        if gone is None:
            return
        for name, span in checker.used_metrics:
            template = self.world.metrics[name].template
            if any(isinstance(part, ex.Hole) and part.name.path.startswith("node.") for part in template.parts):
                message = f"`{name}` comes from the node itself; at `{gone}` it has no fresh sample and is unknown"
                hint = "an unknown condition does not fire; ask somebody else about the node"
                self.report.warn("W0201", checker.place(span), message, hint=hint)

    def _warn_of_defaults(self, then: tuple[Execute | Notify, ...]) -> None:
        destructive = next((s.action for s in then if isinstance(s, Execute) and s.action.destructive), None)
        missing = [word for word in ("verify", "limit") if word not in self.draft.clauses]
        if destructive is None or not missing:
            return
        defaults = {
            "verify": f"verify: {self._default_verify().text}",
            "limit": "limit: " + ", ".join(limit.text for limit in DEFAULT_LIMITS),
        }
        words = " or ".join(f"`{word}:`" for word in missing)
        message = f"{destructive.name} is destructive, and the rule has no {words}; the defaults apply"
        span = self.draft.clauses["then"].head
        self.report.warn("W0204", span, message, hint="; ".join(defaults[word] for word in missing))


def _is_constant(condition: Expression) -> bool:
    observed = ex.Read | ex.Ask | ex.Healthy | ex.Template | ex.Broken
    return not any(isinstance(item, observed) for item in ex.walk(condition))
