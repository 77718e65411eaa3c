"""Do the types on both sides of an operator agree, and what comes of them? Part of `rules.checking`."""

from hashlib import blake2b
from typing import Final

import msgspec

from rules import expressions as ex
from rules import syntax
from rules.expressions import Expression, Read, type_of
from rules.names import ROOT_IS
from rules.problems import did_you_mean
from rules.syntax import Tree
from rules.units import NUMERIC, ORDERED, TEXTUAL, WORDING, Type, format_value
from rules.world import ClauseCheck

_COMPARE: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Operators(ClauseCheck):
    """Checks operators."""

    def operation(self, tree: syntax.Operation) -> Expression:
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

    def held(self, tree: syntax.Held) -> Expression:
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
            bare = [word[1:-1] if word[1:-1] in self.world.severities else word for word in words]
            known = bare != words and tree.operator != "in"
            hint = "a severity stands without quotes: "
            hint += f" {tree.operator} ".join(bare) if known else "severity >= critical"
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

    def must_be_condition(self, found: Expression, tree: Tree) -> None:
        kind = type_of(found)
        if kind not in {Type.BOOLEAN, Type.BROKEN}:
            words = self.words(tree.span)
            examples = {Type.STRING: '== "..."', Type.DURATION: "> 5m", Type.PERCENTAGE: "> 90%", Type.BYTES: "< 2GiB"}
            example = (
                f"{words} {examples.get(kind, '> 1')}" if kind in NUMERIC | TEXTUAL else "one that is true or false"
            )
            message = f"`{words}` is {WORDING[kind]}, and a condition is needed"
            self.error("E0303", tree.span, message, expected=f"a comparison, such as {example}")


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
