"""Are a function's values those that it takes? And which node does a target name? Part of `rules.checking`."""

from typing import Final

from rules import expressions as ex
from rules import syntax
from rules.asking import URL
from rules.calling_looks import CallingLooks
from rules.expressions import Expression, Target, type_of
from rules.names import FEATURES, FUNCTIONS
from rules.problems import did_you_mean
from rules.syntax import Tree
from rules.units import SECOND, WORDING, Type
from rules.windows import EXPECTED, BadWindow, read_window

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


class Calls(CallingLooks):
    """Checks calls and targets."""

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

    def call(self, tree: syntax.Call) -> Expression:
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
        if tree.name in {"state", "exit_code"}:
            return self.look_through(tree)
        lowest, highest = _TAKES.get(tree.name, (1, 1))
        if not lowest <= len(tree.arguments) <= highest or any(argument.name for argument in tree.arguments):
            self.error("E0305", tree.span, f"{tree.name}(...) takes {_EXAMPLES[tree.name]}")
            return ex.Broken()
        values = tuple(argument.value for argument in tree.arguments)
        match tree.name:
            case "query":
                return self._query(values[0])
            case "http":
                return self._http(values[0])
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
            listed = self.call(of)
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

    def _http(self, argument: Tree) -> Expression:
        """A URL that is written out, but for attributes of the node: an alert's labels come from anybody."""
        literal = self._written(argument, Type.STRING, 'a URL in quotes: http("https://shop.example/health")')
        template = self.template(literal, query=False) if literal is not None else None
        if literal is None or not isinstance(template, ex.Template):
            return ex.Broken()
        holes = [part.name.path for part in template.parts if isinstance(part, ex.Hole)]
        foreign = [path for path in holes if not path.startswith("node.")]
        if foreign:
            self.error(
                "E0305", literal.span, f"`{foreign[0]}` must not decide which URL is asked: write node.ATTRIBUTE"
            )
            return ex.Broken()
        if not holes and not URL.fullmatch(str(literal.value)):
            self.error("E0305", literal.span, "this is no URL", expected="https://shop.example/health")
            return ex.Broken()
        return ex.Probe(Type.NUMBER, template, f'http("{literal.value}")')

    def _query(self, argument: Tree) -> Expression:
        if not isinstance(argument, syntax.Literal) or argument.type is not Type.STRING:
            self.error("E0305", argument.span, "query(...) takes a PromQL text in quotes")
            return ex.Broken()
        template = self.template(argument, query=True)
        if not isinstance(template, ex.Template):
            return ex.Broken()
        shown = str(argument.value)
        return ex.Ask(Type.NUMBER, template, f'query("{shown if len(shown) <= 60 else shown[:57] + "..."}")')
