"""What does this condition mean, and do its types agree? Trees in, `rules.expressions` out, mistakes into the report.

A part that is wrong becomes `Broken`, which agrees with everything, so that each mistake is told once and its
neighbours are still read. Called by `rules.clauses`, `rules.steps` and `rules.definitions`.
"""

from rules import expressions as ex
from rules import syntax
from rules.calling import Calls
from rules.expressions import Expression, Read
from rules.names import FEATURES, NAMES, PREFIXES, type_of_name
from rules.operating import Operators
from rules.problems import Fault, did_you_mean
from rules.syntax import Span, Tree
from rules.templates import Resolve, read_query, read_text
from rules.units import NUMERIC, TEXTUAL, WORDING, Type


class Checker(Calls, Operators):
    """Checks conditions, names and texts; what calls and operators ask of their values is beside it."""

    def condition(self, tree: Tree) -> Expression:
        """The tree as a condition; anything but true or false is an error."""
        found = self.expression(tree)
        self.must_be_condition(found, tree)
        return found

    def expression(self, tree: Tree) -> Expression:
        """The tree with names resolved and types agreed."""
        match tree:
            case syntax.Literal():
                return self._literal(tree)
            case syntax.Name():
                return self._name(tree)
            case syntax.Call():
                return self.call(tree)
            case syntax.Listing():
                self.error("E0305", tree.span, "a list stands only after `in`")
                return ex.Broken()
            case syntax.Held():
                return self.held(tree)
            case syntax.Operation():
                return self.operation(tree)

    def _literal(self, tree: syntax.Literal) -> Expression:
        if tree.type is Type.STRING and "{{" in str(tree.value):
            return self.template(tree, query=False)
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

    def template(self, literal: syntax.Literal, *, query: bool) -> Expression:
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
