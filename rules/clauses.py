"""A rule: from the clauses that were read to what they mean. Called by `rules.compiling`, one rule at a time."""

import re
from typing import Final, cast

from rules import expressions as ex
from rules import syntax
from rules.actions import Action
from rules.bounds import (
    compile_allow,
    compile_approve,
    compile_exceptions,
    compile_limits,
    compile_priority,
    compile_repeat,
)
from rules.checking import Checker
from rules.definitions import one_word, version_of
from rules.evaluation import evaluate
from rules.expressions import Expression, Target
from rules.facts import Facts
from rules.impossible import never_holds
from rules.permissions import Permission
from rules.problems import Report
from rules.reading import Draft, Written
from rules.ruleset import (
    DEFAULT_LIMITS,
    DEFAULT_STABLE,
    DEFAULT_WITHIN,
    MODES,
    Approver,
    Execute,
    Limit,
    Mode,
    Rule,
    Step,
    Verify,
)
from rules.steps import Catalogue, compile_steps, compile_verify
from rules.world import Reach, World

STEPS: Final = ("then", "otherwise", "after success", "on recovery")
_GONE = re.compile(r"unreachable|not_?ready|not_?responding|(node|host|instance|target)_?down|dead", re.IGNORECASE)


def compile_rule(
    draft: Draft, report: Report, world: World, catalogue: Catalogue, permission: Permission | None = None
) -> Rule | None:
    """The rule, or None after an error."""
    return _Compiler(draft, report, world, catalogue, permission).compile()


class _Compiler:
    def __init__(
        self, draft: Draft, report: Report, world: World, catalogue: Catalogue, permission: Permission | None
    ) -> None:
        self.draft = draft
        self.report = report
        self.world = world
        self.catalogue = catalogue
        self.permission = permission
        self.metrics: set[str] = set()
        self.looked_through: set[str] = set()
        self.target = Target()

    def compile(self) -> Rule | None:
        before = self.report.errors
        for word in ("on event", "then"):
            if word not in self.draft.clauses:
                expected = 'on event: "NodeDown"' if word == "on event" else 'then: execute("restart_service", ...)'
                self.report.error("E0106", self.draft.name_span, f"the rule has no `{word}:`", expected=expected)
        events = self._events()
        when = self._when(events)
        then = self._steps("then")
        self.target = next((step.target for step in then if isinstance(step, Execute)), Target())
        verify = self._verify(then)
        steps = {word: self._steps(word) for word in STEPS[1:]}
        approve, page = self._approve()
        repeat, exceptions, allow = self._clause("repeat"), self._clause("except"), self._clause("allow")
        limits = self._limits()
        repeats = compile_repeat(repeat, self._checker(repeat)) if repeat else ()
        excepted = self._exceptions(exceptions) if exceptions else ()
        allowed = compile_allow(allow, self._checker(allow)) if allow else ()
        mode, priority = self._mode(), self._priority()
        runbook = self._tree("runbook")
        self._refuse_unfenced(mode, allowed, [*then, *steps["otherwise"]])
        self._refuse_what_is_not_permitted(mode)
        if self.report.errors > before or not self.draft.sound:
            return None
        self._warn_of_defaults(then, mode)
        self._warn_of_idle_approval(mode)
        line, _ = self.report.place(self.draft.name_span[0])
        metrics = [self.world.metrics[name].version for name in sorted(self.metrics)]
        written = self.draft.clauses
        return Rule(
            name=self.draft.name,
            path=self.report.path,
            line=line,
            version=version_of(self.draft.name, self.draft.text, *metrics, *sorted(self.looked_through)),
            on_event=events,
            when=when,
            then=then,
            verify=verify or self._default_verify(),
            otherwise=steps["otherwise"],
            after_success=steps["after success"],
            on_recovery=steps["on recovery"],
            limits=limits,
            repeat=repeats,
            exceptions=excepted,
            allow=allowed,
            approve=approve,
            page=page,
            nodes=self.permission.nodes if self.permission else (),
            mode=mode,
            priority=priority,
            runbook=str(runbook.value) if runbook else None,
            defaults=tuple(word for word in ("mode", "verify", "limit") if word not in written),
            asks=any(ex.asks(one) for one in (when, *excepted) if one is not None),
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
        why = never_holds(condition, self.world.severities)
        if why is not None:
            self.report.warn("W0205", clause.place(clause.tree.span), why)
        return condition

    def _steps(self, word: str) -> tuple[Step, ...]:
        clause = self._clause(word)
        if clause is None:
            return ()
        checker = self._checker(clause)
        if word not in {"then", "otherwise"}:
            head = (clause.head[0] - clause.base, clause.head[1] - clause.base)
            checker.uses(word, head, f"`{word}:`", "E0601")
        steps = compile_steps(clause.tree, checker, self.catalogue, self._reach())
        self._depends_on(checker)
        actions = {step.action.name: step for step in steps if isinstance(step, Execute)}
        allowed = self.permission.actions if self.permission else None
        for item in clause.tree.items:
            name = str(item.subject.value) if isinstance(item, syntax.Step) and item.word == "execute" else ""
            if allowed is not None and name in actions and name not in allowed:
                message = f"rules of {self._owner()} may not use {name}"
                checker.error("E0210", item.subject.span, message, expected=" or ".join(allowed) or "no action at all")
        return steps

    def _reach(self) -> Reach:
        permission = self.permission
        return Reach(
            self.catalogue.actions,
            permission.actions if permission else None,
            permission.nodes if permission else (),
        )

    def _depends_on(self, checker: Checker) -> None:
        self.metrics.update(name for name, _ in checker.used_metrics)
        self.looked_through.update(checker.looked_through)

    def _owner(self) -> str:
        assert self.permission is not None
        return self.permission.owner or self.permission.path

    def _verify(self, then: tuple[Step, ...]) -> Verify | None:
        clause = self._clause("verify")
        if clause is None:
            return None
        checker = self._checker(clause)
        tree: syntax.Verification = clause.tree
        verify = compile_verify(tree, checker, self._reach())
        self._depends_on(checker)
        if verify is not None:
            self._refuse_resolved_alone(verify.condition, then, clause.place(tree.condition.span))
        return verify

    def _exceptions(self, clause: Written) -> tuple[Expression, ...]:
        checker = self._checker(clause)
        found = compile_exceptions(clause, checker)
        self.metrics.update(name for name, _ in checker.used_metrics)
        return found

    def _approve(self) -> tuple[tuple[Approver, ...], bool]:
        clause = self._clause("approve")
        return compile_approve(clause, self._checker(clause)) if clause else ((), False)

    def _refuse_resolved_alone(self, condition: Expression, then: tuple[Step, ...], span: tuple[int, int]) -> None:
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
        return compile_limits(clause, self._checker(clause)) if clause else DEFAULT_LIMITS

    def _mode(self) -> Mode:
        clause = self._clause("mode")
        word = one_word(clause, MODES, self.report) if clause else None
        return cast("Mode", word or "suggest")

    def _priority(self) -> int:
        clause = self._clause("priority")
        return compile_priority(clause.tree, self._checker(clause)) if clause else 0

    def _refuse_unfenced(self, mode: Mode, allow: tuple[str, ...], steps: list[Step]) -> None:
        """A target that cannot compare tokens may be reached by two holders; nobody looks on in mode auto."""
        if mode != "auto" or "unfenced" in allow:
            return
        open_ones = [s.action.name for s in steps if isinstance(s, Execute) and _is_unfenced(s.action)]
        if open_ones:
            message = (
                f"{open_ones[0]} acts on a target that cannot tell a late order from a new one, and nobody looks on"
            )
            hint = "write `allow: unfenced`, or `mode: approve`"
            self.report.error("E0504", self.draft.clauses["mode"].head, message, hint=hint)

    def _refuse_what_is_not_permitted(self, mode: Mode) -> None:
        if self.permission is not None and self.permission.exceeded_by(mode):
            at = self.draft.clauses["mode"].head if "mode" in self.draft.clauses else self.draft.name_span
            message = f"rules of {self._owner()} go to mode {self.permission.mode_at_most} at most"
            self.report.error("E0505", at, message)

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

    def _warn_of_defaults(self, then: tuple[Step, ...], mode: Mode) -> None:
        destructive = next((s.action for s in then if isinstance(s, Execute) and s.action.destructive), None)
        missing = [word for word in ("verify", "limit") if word not in self.draft.clauses]
        if destructive is not None and mode == "auto" and "approve" not in self.draft.clauses:
            message = f"{destructive.name} is destructive, and nobody is asked: the rule has no `approve:`"
            hint = 'approve: "sre" within 10m else page'
            self.report.warn("W0207", self.draft.clauses["mode"].head, message, hint=hint)
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

    def _warn_of_idle_approval(self, mode: Mode) -> None:
        clause = self.draft.clauses.get("approve")
        if clause is not None and mode in {"observe", "suggest"}:
            message = f"in mode {mode} nothing is run, so nobody is asked"
            self.report.warn("W0208", clause.head, message, hint="mode: approve, or mode: auto, asks")


def _is_unfenced(action: Action) -> bool:
    return action.fence == "none" and not action.diagnostic
