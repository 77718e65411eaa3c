"""What does this condition mean, and do its types agree? Trees in, `rules.expressions` out, mistakes into the report.

A part that is wrong becomes `Broken`, which agrees with everything, so that each mistake is told once and its
neighbours are still read. Called by `rules.clauses`, `rules.steps` and `rules.definitions`.
"""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Final

import msgspec

from rules import expressions as ex
from rules import syntax
from rules.actions import Metric
from rules.expressions import Expression, Read, Target, type_of
from rules.names import (
    COMMON_KINDS,
    FEATURES,
    FUNCTIONS,
    NAMES,
    PREFIXES,
    ROOT_IS,
    type_of_name,
)
from rules.patterns import BadPattern, compile_pattern
from rules.problems import Fault, Report, did_you_mean
from rules.syntax import Span, Tree
from rules.templates import Resolve, read_query, read_text
from rules.units import NUMERIC, ORDERED, SECOND, TEXTUAL, WORDING, Type, format_value
from rules.windows import EXPECTED, BadWindow, read_window

_COMPARE: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})

_TAKES: Final = {
    "rate": (2, 2),
    "forecast": (2, 3),
    "ancestors": (0, 1),
    "descendants": (0, 1),
    "is_ancestor": (2, 2),
}
"""How many values a function takes, where that is not one."""
_EXAMPLES: Final = {
    **dict.fromkeys(FUNCTIONS, "one value"),
    "rate": "a metric or a query and a time: rate(errors, 5m)",
    "forecast": "a metric or a query, how far ahead, and over which past: forecast(disk_used, 4h, 1h)",
    "ancestors": "at most a kind of node: ancestors(rack)",
    "descendants": "at most a kind of node: descendants(host)",
    "is_ancestor": "two nodes: is_ancestor(nearest(rack), node)",
}


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


class Checker:
    """Checks the trees of one clause: `text` is the clause's body, `base` where it starts in the file."""

    def __init__(self, world: World, report: Report, text: str, base: int, target: Target | None = None) -> None:
        self.world = world
        self.report = report
        self.text = text
        self.base = base
        self.target = target or Target()
        self.used_metrics: list[tuple[str, Span]] = []

    # -- what callers ask --------------------------------------------------------------------------------------

    def condition(self, tree: Tree) -> Expression:
        """The tree as a condition; anything but true or false is an error."""
        found = self.expression(tree)
        self._must_be_condition(found, tree)
        return found

    def expression(self, tree: Tree) -> Expression:
        """The tree with names resolved and types agreed."""
        match tree:
            case syntax.Literal():
                return self._literal(tree)
            case syntax.Name():
                return self._name(tree)
            case syntax.Call():
                return self._call(tree)
            case syntax.Listing():
                self.error("E0305", tree.span, "a list stands only after `in`")
                return ex.Broken()
            case syntax.Held():
                return self._held(tree)
            case syntax.Operation():
                return self._operation(tree)

    def find_target(self, tree: Tree) -> Target | None:
        """`node`, `target` or `nearest(kind)`; None, and an error, for anything else."""
        match tree:
            case syntax.Name(path="node"):
                return Target("node")
            case syntax.Name(path="target"):
                return self.target
            case syntax.Call(name="nearest", arguments=(syntax.Argument(name=None, value=syntax.Name() as kind),)):
                return Target("nearest", kind.path) if self.kind(kind) else None
            case syntax.Name(path="owner"):
                self.uses("owner", tree.span, "`owner`")
                return Target("owner")
            case syntax.Call(name="find"):
                return self._find(tree)
        self.error("E0305", tree.span, "this names no node", expected="node, owner, nearest(kind) or find(...)")
        return None

    def _find(self, tree: syntax.Call) -> Target | None:
        """`find(kind: host, alias: labels.x)`."""
        self.uses("find", tree.span, "find(...)")
        kind: str | None = None
        where: list[tuple[str, Expression]] = []
        before = self.report.errors
        for argument in tree.arguments:
            if argument.name is None:
                self.error(
                    "E0305", argument.span, "find(...) takes named values", expected="kind: host, alias: labels.x"
                )
            elif argument.name == "kind" and isinstance(argument.value, syntax.Name):
                kind = argument.value.path
                self.kind(argument.value)
            elif argument.name == "kind":
                self.error("E0205", argument.value.span, "a kind of node stands without quotes")
            else:
                value = self.expression(argument.value)
                if type_of(value) not in {Type.STRING, Type.BROKEN}:
                    message = f"`{argument.name}` of a node is a string, and this is {WORDING[type_of(value)]}"
                    self.error("E0305", argument.value.span, message)
                where.append((argument.name, value))
        if not where and self.report.errors == before:
            message = "find(...) needs an attribute, or an alias, that only one node has"
            self.error("E0305", tree.span, message, expected="find(kind: host, alias: labels.x)")
        return Target("find", kind, tuple(where)) if self.report.errors == before else None

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

    def error(self, code: str, span: Span, message: str, **more: str) -> None:
        """Report an error at a span of this clause."""
        self.report.error(code, self.place(span), message, **more)

    def place(self, span: Span) -> Span:
        """A span of this clause as a span of the file."""
        return span[0] + self.base, span[1] + self.base

    def words(self, span: Span) -> str:
        """What was written there, on one line."""
        return " ".join(self.text[span[0] : span[1]].split())

    # -- leaves ------------------------------------------------------------------------------------------------

    def _literal(self, tree: syntax.Literal) -> Expression:
        if tree.type is Type.STRING and "{{" in str(tree.value):
            return self._template(tree, query=False)
        return ex.Const(tree.type, tree.value)

    def _name(self, tree: syntax.Name) -> Expression:
        path = tree.path
        metric = self.world.metrics.get(path)
        if metric is not None:
            self.used_metrics.append((path, tree.span))
            return ex.Ask(metric.type, metric.template, path)
        before = self.report.errors
        read = self._resolve(path, tree.span)
        if read is not None:
            return read
        if path in self.world.severities:
            return ex.Const(Type.SEVERITY, path)
        if path in self.world.kind_names:
            return ex.Const(Type.KIND, path)
        if self.report.errors == before and f"metric {path}" not in self.world.broken:
            known = {
                *NAMES,
                *self.world.metrics,
                *self.world.severities,
                *self.world.kind_names,
                "labels.",
            }
            more = did_you_mean(path, known) or {
                "hint": f'a string stands in quotes: "{path}"; a label is labels.{path}'
            }
            self.error("E0201", tree.span, f"`{path}` is not a name of the language, nor a metric", **more)
        return ex.Broken()

    def _resolve(self, path: str, span: Span) -> Read | None:
        """A name of the language; None for a metric, a level, a kind, or after an error about a dotted name."""
        prefix, dot, rest = path.partition(".")
        if prefix in FEATURES and type_of_name(path) is not None:
            self.uses(prefix, span, f"`{path}`")
        found = type_of_name(path)
        if dot and prefix in PREFIXES and not rest:
            found = None
        if found is None and dot and prefix in {*NAMES, *PREFIXES}:
            self.error("E0201", span, f"`{prefix}` has nothing called `{rest}`")
            return None
        if found is None and dot:
            known = did_you_mean(path, {f"{each}.{rest}" for each in PREFIXES})
            self.error("E0201", span, f"`{path}` is not a name of the language", **known)
            return None
        if prefix == "topology" and dot and not self.kind(syntax.Name(span=span, path=rest)):
            return None
        return Read(found, "node" if path == "target" else path) if found else None

    def _template(self, literal: syntax.Literal, *, query: bool) -> Expression:
        failed: list[str] = []
        resolve = self._hole_resolver(literal, failed)
        try:
            template = (read_query if query else read_text)(str(literal.value), resolve)
        except Fault as fault:
            start = literal.span[0] + 1 + fault.span[0]
            # A backslash before a quote makes the text shorter than what was written; the string's start is near enough.
            exact = self.text[literal.span[0] + 1 : literal.span[1] - 1] == literal.value
            span = (start, start + fault.span[1] - fault.span[0]) if exact else literal.span
            self.error(fault.code, span, fault.message, **fault.more)
            return ex.Broken()
        return ex.Broken() if failed else template

    def _hole_resolver(self, literal: syntax.Literal, failed: list[str]) -> Resolve:
        def resolve(path: str, span: Span) -> Read | None:
            place = (literal.span[0] + 1 + span[0], literal.span[0] + 1 + span[1])
            before = self.report.errors
            read = self._resolve(path, place)
            if read is not None and read.type in TEXTUAL | NUMERIC:
                return read
            failed.append(path)
            if self.report.errors == before:
                if read is not None:
                    message = f"`{path}` is {WORDING[read.type]} and cannot be written into a text"
                    more = {"hint": "write node.name or node.id"} if read.type is Type.NODE else {}
                else:
                    message = f"`{path}` is no name that can be written into a text"
                    more = did_you_mean(path, NAMES) or {
                        "hint": f"a label is labels.{path}, a node's attribute node.{path}"
                    }
                self.error("E0206", place, message, **more)
            return None

        return resolve

    # -- calls -------------------------------------------------------------------------------------------------

    def _call(self, tree: syntax.Call) -> Expression:
        if tree.name not in FUNCTIONS:
            more = did_you_mean(tree.name, FUNCTIONS) or {"expected": ", ".join(FUNCTIONS)}
            self.error("E0202", tree.span, f"there is no function `{tree.name}`", **more)
            return ex.Broken()
        if tree.name in FEATURES:
            self.uses(tree.name, tree.span, f"{tree.name}(...)")
        if tree.name in {"nearest", "find"}:
            message = f"{tree.name}(...) is a node: it stands after `on:` or inside healthy(...)"
            self.error("E0305", tree.span, message)
            return ex.Broken()
        lowest, highest = _TAKES.get(tree.name, (1, 1))
        if not lowest <= len(tree.arguments) <= highest or any(argument.name for argument in tree.arguments):
            self.error("E0305", tree.span, f"{tree.name}(...) takes {_EXAMPLES[tree.name]}")
            return ex.Broken()
        values = tuple(argument.value for argument in tree.arguments)
        match tree.name:
            case "query":
                return self._query(values[0])
            case "healthy":
                target = self.find_target(values[0])
                return ex.Healthy(target) if target else ex.Broken()
            case "known":
                return ex.Known(self.expression(values[0]), self.words(tree.span))
            case "rate" | "forecast":
                return self._trend(tree, *values)
            case "ancestors" | "descendants":
                return self._relatives(tree, *values)
            case "alerting":
                return self._alerting(tree, values[0])
            case "count":
                return self._count(tree, values[0])
            case "is_ancestor":
                above, below = self.find_target(values[0]), self.find_target(values[1])
                return ex.IsAncestor(above, below, self.words(tree.span)) if above and below else ex.Broken()
            case "changed_within":
                duration = self._written(values[0], Type.DURATION, "a duration such as 30m")
                return ex.ChangedWithin(int(duration.value), self.words(tree.span)) if duration else ex.Broken()
            case "window":
                return self._window(tree, values[0])
            case "calendar":
                return self._calendar(tree, values[0])
        return self._convert(tree.name, values[0])

    def _convert(self, function: str, argument: Tree) -> Expression:
        item = self.expression(argument)
        if type_of(item) not in {Type.STRING, Type.BROKEN}:
            self.error("E0305", argument.span, f"{function}(...) takes a string, not {WORDING[type_of(item)]}")
            return ex.Broken()
        return ex.Convert(Type.NUMBER if function == "number" else Type.STRING, function, item)

    def _written(self, argument: Tree, kind: Type, expected: str) -> syntax.Literal | None:
        """A value of this type that is written out; an error, and None, for anything else."""
        if isinstance(argument, syntax.Literal) and argument.type is kind:
            return argument
        self.error("E0305", argument.span, f"{WORDING[kind]} is written out here", expected=expected)
        return None

    def _trend(self, tree: syntax.Call, asked: Tree, span: Tree, over: Tree | None = None) -> Expression:
        """`rate(x, 5m)` and `forecast(x, 4h, 1h)`: the query of a metric, asked over a time."""
        item = self.expression(asked)
        ahead = self._written(span, Type.DURATION, "a duration such as 5m")
        looks = self._written(over, Type.DURATION, "a duration such as 1h") if over is not None else None
        if isinstance(item, ex.Broken) or ahead is None or (over is not None and looks is None):
            return ex.Broken()
        if not isinstance(item, ex.Ask):
            self.error("E0305", asked.span, f"{tree.name}(...) takes a metric or a query")
            return ex.Broken()
        seconds, past = ahead.value, looks.value if looks else 3600 * SECOND
        if min(float(seconds), float(past)) < SECOND:
            self.error("E0305", tree.span, f"{tree.name}(...) looks over at least 1s")
            return ex.Broken()
        # A query that ends in a comment must not swallow the bracket.
        if tree.name == "rate":
            parts = ("rate((", *item.template.parts, f"\n)[{int(seconds) // SECOND}s:])")
            return ex.Ask(Type.NUMBER, ex.Template(parts), self.words(tree.span))
        window = f"\n)[{int(past) // SECOND}s:], {int(seconds) // SECOND})"
        parts = ("predict_linear((", *item.template.parts, window)
        return ex.Ask(item.type, ex.Template(parts), self.words(tree.span))

    def _relatives(self, tree: syntax.Call, kind: Tree | None = None) -> Expression:
        if kind is not None and not isinstance(kind, syntax.Name):
            self.error("E0305", kind.span, f"{tree.name}(...) takes a kind of node, without quotes")
            return ex.Broken()
        if kind is not None and not self.kind(kind):
            return ex.Broken()
        return ex.Relatives(tree.name, kind.path if kind else None, self.words(tree.span))  # type: ignore[arg-type] # one of two words

    def _alerting(self, tree: syntax.Call, of: Tree) -> Expression:
        if isinstance(of, syntax.Call) and of.name in {"ancestors", "descendants"}:
            listed = self._call(of)
            return ex.Alerting(listed, self.words(tree.span)) if isinstance(listed, ex.Relatives) else ex.Broken()
        target = self.find_target(of)
        return ex.Alerting(target, self.words(tree.span)) if target else ex.Broken()

    def _count(self, tree: syntax.Call, of: Tree) -> Expression:
        item = self.expression(of)
        if type_of(item) is Type.LIST:
            return ex.Count(item, self.words(tree.span))
        if type_of(item) is not Type.BROKEN:
            expected = "ancestors(kind), descendants(kind), or alerting(...) of one of them"
            self.error("E0305", of.span, f"count(...) takes a list, not {WORDING[type_of(item)]}", expected=expected)
        return ex.Broken()

    def _window(self, tree: syntax.Call, argument: Tree) -> Expression:
        text = self._written(argument, Type.STRING, EXPECTED)
        if text is None:
            return ex.Broken()
        try:
            return ex.InWindow(read_window(str(text.value)), self.words(tree.span))
        except BadWindow as bad:
            self.error("E0507", text.span, f"`{text.value}`: {bad}", expected=EXPECTED)
            return ex.Broken()

    def _calendar(self, tree: syntax.Call, argument: Tree) -> Expression:
        text = self._written(argument, Type.STRING, "a calendar's name in quotes")
        if text is None:
            return ex.Broken()
        name, known = str(text.value), self.world.calendars
        if known is not None and name not in known:
            more = did_you_mean(name, known) or {
                "hint": "calendars are declared in the settings: calendars: {NAME: FILE}"
            }
            self.error("E0209", text.span, f"there is no calendar `{name}`", **more)
            return ex.Broken()
        return ex.InCalendar(name, self.words(tree.span))

    def _query(self, argument: Tree) -> Expression:
        if not isinstance(argument, syntax.Literal) or argument.type is not Type.STRING:
            self.error("E0305", argument.span, "query(...) takes a PromQL text in quotes")
            return ex.Broken()
        template = self._template(argument, query=True)
        if not isinstance(template, ex.Template):
            return ex.Broken()
        shown = str(argument.value)
        return ex.Ask(Type.NUMBER, template, f'query("{shown if len(shown) <= 60 else shown[:57] + "..."}")')

    # -- operators ---------------------------------------------------------------------------------------------

    def _operation(self, tree: syntax.Operation) -> Expression:
        sign = tree.operator
        if sign in {"and", "or"}:
            items = tuple(self.condition(operand) for operand in tree.operands)
            return ex.AllOf(items) if sign == "and" else ex.AnyOf(items)
        if sign == "not":
            return ex.Not(self.condition(tree.operands[0]))
        if len(tree.operands) == 1:
            return self._signed(tree)
        if sign in _COMPARE:
            return self._comparison(tree)
        if sign in {"=~", "!~"}:
            return self._matching(tree)
        if sign == "in":
            return self._membership(tree)
        if sign == "??":
            return self._default(tree)
        return self._arithmetic(tree)

    def _must_be_condition(self, found: Expression, tree: Tree) -> None:
        kind = type_of(found)
        if kind not in {Type.BOOLEAN, Type.BROKEN}:
            words = self.words(tree.span)
            examples = {Type.STRING: '== "..."', Type.DURATION: "> 5m", Type.PERCENTAGE: "> 90%", Type.BYTES: "< 2GiB"}
            example = (
                f"{words} {examples.get(kind, '> 1')}" if kind in NUMERIC | TEXTUAL else "one that is true or false"
            )
            message = f"`{words}` is {WORDING[kind]}, and a condition is needed"
            self.error("E0303", tree.span, message, expected=f"a comparison, such as {example}")

    def _held(self, tree: syntax.Held) -> Expression:
        text = self.words(tree.span)
        item = self.condition(tree.operand)
        key = blake2b(f"{text}\0{tree.duration}".encode(), digest_size=12).hexdigest()
        return ex.HeldFor(item, tree.duration, key, text)

    def _signed(self, tree: syntax.Operation) -> Expression:
        item = self.expression(tree.operands[0])
        kind = type_of(item)
        if kind is Type.BROKEN:
            return item
        if kind not in NUMERIC:
            self.error("E0304", tree.span, f"`{tree.operator}` before {WORDING[kind]} has no meaning")
            return ex.Broken()
        if tree.operator == "+":
            return item
        if isinstance(item, ex.Const):
            return ex.Const(kind, -item.value)  # type: ignore[operator] # the kind is numeric
        return ex.Arithmetic(kind, "*", ex.Const(Type.NUMBER, -1.0), item)

    def _comparison(self, tree: syntax.Operation) -> Expression:
        left_tree, right_tree = tree.operands
        left, right = self.expression(left_tree), self.expression(right_tree)
        kinds = type_of(left), type_of(right)
        if Type.BROKEN in kinds:
            return ex.Broken()
        if kinds[0] is not kinds[1]:
            self._mismatch(tree, left, right)
            return ex.Broken()
        if tree.operator not in {"==", "!="} and kinds[0] not in ORDERED:
            self.error("E0301", tree.span, f"{WORDING[kinds[0]]} has no order; `{tree.operator}` needs one")
            return ex.Broken()
        if kinds[0] is Type.NODE:
            self.error("E0301", tree.span, "nodes do not compare", hint="compare node.id or node.name")
            return ex.Broken()
        if tree.operator == "!=":
            self._warn_of_labels(tree, left, right)
        self._warn_of_words(tree, left, right)
        return ex.Comparison(tree.operator, left, right, self.words(tree.span))

    def _mismatch(self, tree: syntax.Operation, left: Expression, right: Expression) -> None:
        kinds = {type_of(left), type_of(right)}
        words = [self.words(operand.span) for operand in tree.operands]
        message = f"`{words[0]}` is {WORDING[type_of(left)]}, `{words[1]}` is {WORDING[type_of(right)]}"
        if kinds == {Type.PERCENTAGE, Type.NUMBER}:
            self.error("E0302", tree.span, message, hint=_both_spellings(left, right, words))
            return
        hint = ""
        if kinds == {Type.DURATION, Type.NUMBER}:
            hint = "a duration carries its unit: 30s, 5m, 1h30m"
        elif kinds == {Type.STRING, Type.SEVERITY}:
            hint = "a severity stands without quotes: severity >= critical"
        elif kinds == {Type.STRING, Type.KIND}:
            hint = "a kind of node stands without quotes: kind == host"
        elif Type.STRING in kinds and kinds & NUMERIC:
            text = words[0] if type_of(left) is Type.STRING else words[1]
            hint = f"number({text}) converts" if not text.startswith('"') else f"write {text[1:-1]} without quotes"
        elif Type.BYTES in kinds:
            hint = "a size carries its unit: 500MB, 2GiB"
        self.error("E0301", tree.span, message, **({"hint": hint} if hint else {}))

    def _matching(self, tree: syntax.Operation) -> Expression:
        left_tree, right_tree = tree.operands
        left = self.expression(left_tree)
        if not isinstance(right_tree, syntax.Literal) or right_tree.type is not Type.STRING:
            self.error("E0306", right_tree.span, "a regular expression is written out, in quotes")
            return ex.Broken()
        pattern = str(right_tree.value)
        if not self.pattern(pattern, right_tree.span) or type_of(left) is Type.BROKEN:
            return ex.Broken()
        if type_of(left) not in TEXTUAL:
            message = (
                f"`{tree.operator}` matches strings, and `{self.words(left_tree.span)}` is {WORDING[type_of(left)]}"
            )
            self.error("E0301", tree.span, message)
            return ex.Broken()
        if tree.operator == "!~":
            self._warn_of_labels(tree, left)
        return ex.Matching(left, pattern, tree.operator == "!~", self.words(tree.span))

    def pattern(self, pattern: str, span: Span) -> bool:
        """Whether RE2 accepts the pattern; reports an error where it does not."""
        try:
            compile_pattern(pattern)
        except BadPattern as bad:
            self.error("E0306", span, f"RE2 does not accept this: {bad}")
            return False
        return True

    def _membership(self, tree: syntax.Operation) -> Expression:
        left_tree, right_tree = tree.operands
        left = self.expression(left_tree)
        if isinstance(right_tree, syntax.Call) and right_tree.name in {"ancestors", "descendants", "alerting"}:
            return self._within_list(tree, left, right_tree)
        if not isinstance(right_tree, syntax.Listing):
            self.error("E0305", right_tree.span, "`in` needs a list", expected='a list, such as ["a", "b"]')
            return ex.Broken()
        items = []
        for item_tree in right_tree.items:
            item = self.expression(item_tree)
            kinds = type_of(left), type_of(item)
            if Type.BROKEN not in kinds and kinds[0] is not kinds[1]:
                self._mismatch(msgspec.structs.replace(tree, operands=(left_tree, item_tree)), left, item)
                item = ex.Broken()
            items.append(item)
        if type_of(left) is Type.BROKEN or any(isinstance(item, ex.Broken) for item in items):
            return ex.Broken()
        return ex.Membership(left, tuple(items), self.words(tree.span))

    def _within_list(self, tree: syntax.Operation, left: Expression, right_tree: syntax.Call) -> Expression:
        """`"rack/r1" in ancestors(rack)`: lists of nodes hold their ids."""
        right = self.expression(right_tree)
        if Type.BROKEN in {type_of(left), type_of(right)}:
            return ex.Broken()
        if type_of(right) is not Type.LIST or type_of(left) is not Type.STRING:
            message = f"a list of nodes holds ids, which are strings, and `{self.words(tree.operands[0].span)}` is "
            if type_of(right) is not Type.LIST:
                self.error("E0305", right_tree.span, "`in` needs a list", expected='a list, such as ["a", "b"]')
            else:
                self.error("E0301", tree.span, message + WORDING[type_of(left)], hint="write node.id")
            return ex.Broken()
        return ex.Membership(left, (right,), self.words(tree.span))

    def _default(self, tree: syntax.Operation) -> Expression:
        left, right = (self.expression(operand) for operand in tree.operands)
        kinds = type_of(left), type_of(right)
        if Type.BROKEN in kinds:
            return ex.Broken()
        if kinds[0] is not kinds[1]:
            self._mismatch(tree, left, right)
            return ex.Broken()
        return ex.Default(kinds[0], left, right)

    def _arithmetic(self, tree: syntax.Operation) -> Expression:
        left, right = (self.expression(operand) for operand in tree.operands)
        kinds = type_of(left), type_of(right)
        if Type.BROKEN in kinds:
            return ex.Broken()
        result = _result_of(tree.operator, *kinds)
        if result is None:
            message = f"{WORDING[kinds[0]]} `{tree.operator}` {WORDING[kinds[1]]} has no meaning"
            more = (
                {"hint": "a duration carries its unit: 30s, 5m, 1h30m"}
                if set(kinds) == {Type.DURATION, Type.NUMBER}
                else {}
            )
            self.error("E0304", tree.span, message, **more)
            return ex.Broken()
        return ex.Arithmetic(result, tree.operator, left, right)

    def _warn_of_words(self, tree: syntax.Operation, *sides: Expression) -> None:
        for name, other in (sides, sides[::-1]):
            if not isinstance(name, Read) or not isinstance(other, ex.Const) or tree.operator not in {"==", "!="}:
                continue
            allowed = {"root_is": ROOT_IS, "status": ("firing", "resolved")}.get(name.path)
            if allowed is not None and other.value not in allowed:
                more = did_you_mean(str(other.value), allowed) or {"hint": f"it is one of {', '.join(allowed)}"}
                self.report.warn("W0205", self.place(tree.span), f"`{name.path}` is never {other.value!r}", **more)

    def _warn_of_labels(self, tree: syntax.Operation, *sides: Expression) -> None:
        for side in sides:
            if isinstance(side, Read) and side.path.startswith("labels."):
                message = f"`{side.path}` is unknown where it is missing, and then this is unknown, not true"
                hint = f'give a default: {side.path} ?? "none" {tree.operator} ...'
                self.report.warn("W0202", self.place(tree.span), message, hint=hint)


def _both_spellings(left: Expression, right: Expression, words: list[str]) -> str:
    for side, word in ((left, words[0]), (right, words[1])):
        if isinstance(side, ex.Const) and type_of(side) is Type.NUMBER:
            as_share = format_value(Type.PERCENTAGE, side.value)
            return f"write `{word}%` where percent is meant; `{word}` alone would be {as_share}"
        if isinstance(side, ex.Const):
            plain = format_value(Type.NUMBER, side.value)
            return f"`{word}` is {plain}: write `{plain}`, or declare the other side as a `metric ...: percentage`"
    return "declare both sides with the same unit, as `metric ...: percentage`"


def _result_of(sign: str, left: Type, right: Type) -> Type | None:
    if sign in {"+", "-"}:
        if left is right and left in NUMERIC:
            return left
        if left is Type.TIMESTAMP and right is Type.DURATION:
            return Type.TIMESTAMP
        if sign == "-" and left is right and left is Type.TIMESTAMP:
            return Type.DURATION
        return None
    if left not in NUMERIC or right not in NUMERIC:
        return None
    if right is Type.NUMBER:
        return left
    if sign == "*" and left is Type.NUMBER:
        return right
    if sign == "/" and left is right:
        return Type.NUMBER
    return None
