"""Conditions: one method per rule of grammar.lark, called as each is reduced. `rules.building_rules` goes on from here."""

from typing import Any

from lark import Token, Transformer, v_args

from rules import syntax
from rules.leaves import label_of, literal, measure, micros, regrouped, span_of, unquote
from rules.syntax import Tree
from rules.units import Type


@v_args(inline=True)
class Conditions(Transformer[Token, Any]):
    """Values, operators and calls."""

    def quantity(self, token: Token) -> syntax.Literal:
        return literal(token)

    def string(self, token: Token) -> syntax.Literal:
        return syntax.Literal(span=span_of(token, token), type=Type.STRING, value=unquote(str(token)))

    def boolean(self, token: Token) -> syntax.Literal:
        return syntax.Literal(span=span_of(token, token), type=Type.BOOLEAN, value=token.lower() in {"true", "yes"})

    yes_no = boolean

    text = string

    def name(self, token: Token) -> syntax.Name:
        return syntax.Name(span=span_of(token, token), path=str(token))

    def subscript(self, token: Token, _open: Token, key: Token, close: Token) -> syntax.Name:
        return syntax.Name(span=span_of(token, close), path=f"{token}.{unquote(str(key))}")

    def any_of(self, *operands: Tree) -> syntax.Operation:
        return self._operation("or", operands)

    def all_of(self, *operands: Tree) -> syntax.Operation:
        return self._operation("and", operands)

    def binary(self, left: Tree, operator: Token, right: Tree) -> syntax.Operation:
        return self._operation(operator.lower(), (left, right))

    def negated(self, word: Token, operand: Tree) -> syntax.Operation:
        return syntax.Operation(operator="not", operands=(operand,), **measure(span_of(word, operand), operand))

    def signed(self, sign: Token, operand: Tree) -> Tree:
        return syntax.Operation(operator=str(sign), operands=(operand,), **measure(span_of(sign, operand), operand))

    def grouped(self, opened: Token, inner: Tree, closed: Token) -> Tree:
        span = span_of(opened, closed)
        # Parentheses leave no node of their own, but they count for the nesting.
        return regrouped(inner, depth=measure(span, inner)["depth"], span=span)

    def held_for(self, operand: Tree, duration: Token) -> syntax.Held:
        lasts = micros(duration) or 0
        return syntax.Held(operand=operand, duration=lasts, **measure(span_of(operand, duration), operand))

    def listing(self, opened: Token, *rest: Any) -> syntax.Listing:
        items = tuple(item for item in rest[:-1] if item is not None)
        return syntax.Listing(items=items, **measure(span_of(opened, rest[-1]), *items))

    def call(
        self, name: Token, _open: Token, arguments: tuple[syntax.Argument, ...] | None, close: Token
    ) -> syntax.Call:
        given = arguments or ()
        return syntax.Call(name=str(name), arguments=given, **measure(span_of(name, close), *given))

    def call_arguments(self, *arguments: syntax.Argument) -> tuple[syntax.Argument, ...]:
        return arguments

    def call_argument(self, first: Any, value: Tree | None = None) -> syntax.Argument:
        if value is None:
            return syntax.Argument(name=None, value=first, **measure(first.span, first))
        return self.argument(first, value)

    def argument(self, label: Token, value: Tree) -> syntax.Argument:
        return syntax.Argument(name=label_of(label), value=value, **measure(span_of(label, value), value))

    def _operation(self, operator: str, operands: tuple[Tree, ...]) -> syntax.Operation:
        span = span_of(operands[0], operands[-1])
        return syntax.Operation(operator=operator, operands=operands, **measure(span, *operands))
