"""A `test` block: from what was read to a little world and its expectations. Called by `rules.compiling`."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final, Literal, cast

from rules import expressions as ex
from rules import syntax
from rules.actions import Action, Metric
from rules.looking import BURN_RATE_TEMPLATE
from rules.parameters import refuse
from rules.problems import Report, did_you_mean
from rules.reading import Draft, Written
from rules.ruleset import Execute, Notify, Rule
from rules.trials import (
    START,
    Expectation,
    Trial,
    TrialAlert,
    TrialAnswer,
    TrialApproval,
    TrialChange,
    TrialFailure,
    TrialNode,
)
from rules.units import NUMERIC, SECOND, WORDING, Type

OUTCOMES: Final = ("succeeded", "failed", "not_verified", "refused", "rejected", "expired", "handed_over", "suggested")
CHANGED: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": ("deploy", "push"),
    "state": ("pushed", "pending", "running", "succeeded", "failed", "cancelled"),
    "env": (),
    "actor": (),
    "ref": (),
    "sha": (),
}
"""What a test may say of a change, and the words it may use; (): any."""
MAX_THINGS: Final = 1000
"""Nodes, alerts, answers and expectations of one test."""


def compile_trial(
    draft: Draft,
    report: Report,
    actions: Mapping[str, Action],
    metrics: Mapping[str, Metric],
    broken: Collection[str] = (),
) -> Trial | None:
    """The test, or None after an error. `broken` definitions have been reported already."""
    return _Compiler(draft, report, actions, metrics, broken).compile()


def warn_of_dead_trials(trials: Iterable[Trial], rules: Iterable[Rule], reports: Mapping[str, Report]) -> None:
    """Warn of tests that say nothing: no rule listens, or none can do what is expected."""
    everything = tuple(rules)
    for trial in trials:
        names = {dict(alert.labels).get("alertname", "") for alert in trial.alerts}
        listening = [rule for rule in everything if any(rule.listens_to(name) for name in names)]
        report = reports[trial.path]
        if not listening:
            shown = ", ".join(sorted(names))
            report.warn("W0209", _line(report, trial.line), f"no rule listens to {shown}, so this test shows nothing")
            continue
        can = {step.action.name for rule in listening for step in _all_steps(rule) if isinstance(step, Execute)}
        told = {step.to for rule in listening for step in _all_steps(rule) if isinstance(step, Notify)}
        for expected in trial.expects:
            able = can if expected.form == "step" else told if expected.form == "notice" else {expected.what}
            if expected.what not in able:
                message = f"no rule that listens to these alerts has `{expected.what}` among its steps"
                report.warn("W0210", _line(report, expected.line), message, **did_you_mean(expected.what, able))


def _all_steps(rule: Rule) -> tuple[object, ...]:
    return (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery)


def _line(report: Report, line: int) -> tuple[int, int]:
    rows = report.text.split("\n")
    start = sum(len(row) + 1 for row in rows[: line - 1])
    row = rows[line - 1]
    lead = len(row) - len(row.lstrip())
    return start + lead, start + max(lead + 1, len(row.rstrip()))


class _Compiler:
    def __init__(
        self,
        draft: Draft,
        report: Report,
        actions: Mapping[str, Action],
        metrics: Mapping[str, Metric],
        broken: Collection[str],
    ) -> None:
        self.broken = broken
        self.draft = draft
        self.report = report
        self.actions = actions
        self.metrics = metrics
        self.start: int | None = None
        self.found: dict[str, list[object]] = {}
        self.nodes: dict[str, TrialNode] = {}
        self.expects: list[Expectation] = []

    def compile(self) -> Trial | None:
        before = self.report.errors
        lines = cast("tuple[Written, ...]", self.draft.tree)
        words = {line.word for line in lines}
        for word in ("given", "expect"):
            if word not in words and self.draft.sound:
                expected = 'given: alert "NodeDown"' if word == "given" else "expect: nothing"
                self.report.error("E0106", self.draft.name_span, f"the test has no `{word}:`", expected=expected)
        if len(lines) > MAX_THINGS:
            self.report.error("E0108", self.draft.name_span, f"more than {MAX_THINGS} lines in one test")
            return None
        for line in lines:
            if line.tree is not None and line.word == "given":
                self._given(line)
            elif line.tree is not None:
                self._expect(line)
        if self.report.errors > before or not self.draft.sound:
            return None
        if not self.found.get("alerts"):
            self.report.error("E0508", self.draft.name_span, "no alert is given", expected='given: alert "X"')
            return None
        if any(one.form == "nothing" for one in self.expects) and len(self.expects) > 1:
            self.report.error("E0508", self.draft.name_span, "it expects `nothing`, and something else too")
            return None
        return Trial(
            name=self.draft.name,
            path=self.report.path,
            line=self.report.place(self.draft.name_span[0])[0],
            start=START if self.start is None else self.start,
            nodes=tuple(self.nodes.values()),
            expects=tuple(self.expects),
            **{name: tuple(items) for name, items in self.found.items()},  # type: ignore[arg-type] # each list holds its own kind
        )

    # -- given -------------------------------------------------------------------------------------------------

    def _given(self, line: Written) -> None:
        tree: syntax.GivenText = line.tree
        match tree:
            case syntax.GivenTime():
                self._time(tree, line)
            case syntax.GivenCalendar():
                self._calendar(tree, line)
            case syntax.GivenNode():
                self._node(tree, line)
            case syntax.GivenChange():
                self._change(tree, line)
            case syntax.GivenAlert():
                self._alert(tree, line)
            case syntax.GivenQuery():
                text = str(tree.text.value)
                self._answer(escaped(text), tree.values, Type.STRING if _is_state(text, tree.values) else None, line)
            case syntax.GivenMetric():
                self._metric(tree, line)
            case syntax.GivenAnswer():
                answer = TrialApproval(who=str(tree.who.value), approves=tree.approves, after=tree.after)
                self._add("approvals", answer)
            case syntax.GivenFailure():
                self._failure(tree, line)

    def _add(self, kind: str, item: object) -> None:
        self.found.setdefault(kind, []).append(item)

    def _time(self, tree: syntax.GivenTime, line: Written) -> None:
        text = str(tree.at.value)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        expected = '"2026-01-07T10:00:00+08:00"'
        if moment is None or moment.tzinfo is None or not 1970 < moment.year < 2200:
            message = f"`{text}` is no time with an offset, between 1971 and 2199"
            self.report.error("E0508", line.place(tree.at.span), message, expected=expected)
        elif self.start is not None:
            self.report.error("E0508", line.place(tree.span), "the time is given twice")
        else:
            self.start = int(moment.timestamp()) * SECOND

    def _calendar(self, tree: syntax.GivenCalendar, line: Written) -> None:
        word = tree.state.path.lower()
        if word not in {"free", "busy"}:
            self.report.error(
                "E0508", line.place(tree.state.span), f"a calendar is not `{word}`", expected="free or busy"
            )
        else:
            self._add("calendars", (str(tree.name.value), word == "busy"))

    def _node(self, tree: syntax.GivenNode, line: Written) -> None:
        id = str(tree.id.value)
        for name in (tree.id, *tree.below):
            kind, slash, rest = str(name.value).partition("/")
            if not (kind and slash and rest) or not str(name.value).isprintable():
                message = f"`{name.value}` is no full id of a node"
                self.report.error("E0508", line.place(name.span), message, expected='"host/web-1"')
        if id in self.nodes:
            self.report.error("E0110", line.place(tree.id.span), f"the node {id} is given twice")
        below = tuple(str(name.value) for name in tree.below)
        if id in below:
            self.report.error("E0508", line.place(tree.span), f"{id} is not below itself")
        self.nodes[id] = TrialNode(id=id, attributes=tree.attributes, below=below)

    def _change(self, tree: syntax.GivenChange, line: Written) -> None:
        for name, value in tree.labels:
            if name not in CHANGED:
                self.report.error(
                    "E0508", line.place(tree.span), f"a change has no `{name}`", **did_you_mean(name, CHANGED)
                )
            elif CHANGED[name] and value not in CHANGED[name]:
                words = ", ".join(CHANGED[name])
                self.report.error("E0508", line.place(tree.span), f"`{value}` is no {name} of a change", expected=words)
        change = TrialChange(repo=str(tree.repo.value), labels=tree.labels, on=str(tree.on.value), at=tree.at)
        self._add("changes", change)

    def _alert(self, tree: syntax.GivenAlert, line: Written) -> None:
        if tree.ends is not None and tree.ends <= tree.begins:
            self.report.error("E0508", line.place(tree.span), "the alert ends before it begins")
            return
        labels = {"alertname": str(tree.name.value), **dict(tree.labels)}
        if "alertname" in dict(tree.labels):
            self.report.error("E0110", line.place(tree.span), "`alertname` is given already, before the braces")
            return
        self._add("alerts", TrialAlert(labels=tuple(labels.items()), begins=tree.begins, ends=tree.ends))

    def _metric(self, tree: syntax.GivenMetric, line: Written) -> None:
        path = tree.name.path
        metric = self.metrics.get(path)
        if metric is not None:
            self._answer(_pattern(metric.template), tree.values, metric.type, line)
        elif path == "burn_rate":
            self._answer(_pattern(BURN_RATE_TEMPLATE), tree.values, Type.NUMBER, line)
        elif path == "value" or (path.startswith("annotations.") and path != "annotations."):
            self._answer(escaped(path), tree.values, Type.NUMBER if path == "value" else Type.STRING, line, "alert")
        elif f"metric {path}" not in self.broken:
            known = did_you_mean(path, {*self.metrics, "value", "burn_rate", "annotations."})
            message = f"`{path}` is no metric, and nothing that is asked for"
            self.report.error("E0201", line.place(tree.name.span), message, **known)

    def _answer(
        self,
        pattern: str,
        values: tuple[syntax.Moment, ...],
        kind: Type | None,
        line: Written,
        of: Literal["prometheus", "alert"] = "prometheus",
    ) -> None:
        found: list[tuple[int, float | str | None]] = []
        for moment in values:
            if found and moment.after <= found[-1][0]:
                self.report.error(
                    "E0508",
                    line.place(moment.span),
                    "a value after another needs a later time",
                    expected="after 5m",
                )
                return
            value = moment.value
            fits = value is None or (value.type in NUMERIC if kind is None else value.type is kind)
            if value is not None and not fits:
                wanted = str(kind) if kind is not None else "number, percentage, duration or byte size"
                self.report.error("E0508", line.place(value.span), f"this is a {value.type}", expected=f"a {wanted}")
                return
            found.append((moment.after, None if value is None else _in_prometheus(value)))
        self._add("answers", TrialAnswer(pattern=pattern, values=tuple(found), of=of))

    def _failure(self, tree: syntax.GivenFailure, line: Written) -> None:
        name = str(tree.action.value)
        if self._action(name, line.place(tree.action.span)) is not None:
            self._add("failures", TrialFailure(action=name, on=str(tree.on.value) if tree.on else None))

    def _action(self, name: str, span: tuple[int, int]) -> Action | None:
        action = self.actions.get(name)
        if action is None and f"action {name}" not in self.broken:
            self.report.error("E0203", span, f"there is no action `{name}`", **did_you_mean(name, self.actions))
        return action

    # -- expect ------------------------------------------------------------------------------------------------

    def _expect(self, line: Written) -> None:
        tree: syntax.ExpectText = line.tree
        text = " ".join(line.text[tree.span[0] : tree.span[1]].split())
        number = self.report.place(line.head[0])[0]
        match tree:
            case syntax.ExpectNothing():
                self.expects.append(Expectation(form="nothing", text=text, line=number))
            case syntax.ExpectApproval():
                self.expects.append(Expectation(form="approval", text=text, line=number, what=str(tree.who.value)))
            case syntax.ExpectOutcome():
                word = tree.state.path.lower()
                if word not in OUTCOMES:
                    span = line.place(tree.state.span)
                    more = did_you_mean(word, OUTCOMES)
                    self.report.error("E0508", span, f"`{word}` is no outcome", expected=", ".join(OUTCOMES), **more)
                else:
                    self.expects.append(Expectation(form="outcome", text=text, line=number, what=word))
            case syntax.ExpectStep():
                self._expect_step(tree, line, text, number)

    def _expect_step(self, tree: syntax.ExpectStep, line: Written, text: str, number: int) -> None:
        name = str(tree.step.subject.value)
        given: list[tuple[str, str | float | int | bool]] = []
        if tree.step.word == "execute":
            action = self._action(name, line.place(tree.step.subject.span))
            if action is None:
                return
            parameters = {parameter.name: parameter for parameter in action.parameters}
            for argument in tree.step.arguments:
                span = line.place(argument.span)
                parameter = parameters.get(argument.name or "")
                if parameter is None:
                    near = did_you_mean(argument.name or "", parameters)
                    self.report.error("E0401", span, f"{name} has no parameter `{argument.name}`", **near)
                elif not isinstance(argument.value, syntax.Literal):
                    self.report.error(
                        "E0508", span, "a test writes its values out", expected='a value such as 3, 5m or "x"'
                    )
                elif argument.value.type is not parameter.type:
                    message = (
                        f"`{argument.name}` is {WORDING[parameter.type]}, and this is {WORDING[argument.value.type]}"
                    )
                    self.report.error("E0403", span, message)
                elif why := refuse(parameter, argument.value.value):
                    self.report.error("E0404", span, why)
                else:
                    given.append((parameter.name, argument.value.value))
        self.expects.append(
            Expectation(
                form="step" if tree.step.word == "execute" else "notice",
                text=text,
                line=number,
                what=name,
                on=str(tree.on.value) if tree.on else None,
                by=str(tree.by.value) if tree.by else None,
                given=tuple(given),
                suggested=tree.suggested,
                absent=tree.absent,
            )
        )


def escaped(text: str) -> str:
    """A pattern that matches this text alone."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _is_state(text: str, values: tuple[syntax.Moment, ...]) -> bool:
    """Of a node's state some are words; all other queries have numbers for an answer."""
    given = [moment.value for moment in values if moment.value is not None]
    return text.startswith("state of ") and all(value.type is Type.STRING for value in given)


def _pattern(template: ex.Template) -> str:
    """What the query is, whatever was filled in."""
    return "".join(".*" if isinstance(part, ex.Hole) else escaped(part) for part in template.parts)


def _in_prometheus(value: syntax.Literal) -> float | str:
    """A value as it is answered: durations in seconds, percentages as ratios, sizes in bytes."""
    if value.type is Type.STRING:
        return str(value.value)
    number = float(value.value)
    return number / SECOND if value.type is Type.DURATION else number
