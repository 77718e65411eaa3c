"""The clauses of rules, actions and definitions: one method per rule of grammar.lark, called as each is reduced."""

from typing import Any

from lark import Token, v_args

from rules import syntax
from rules.building import Conditions
from rules.leaves import label_of, literal, measure, micros, span_of
from rules.problems import Fault
from rules.syntax import Tree
from rules.units import Type


@v_args(inline=True)
class Clauses(Conditions):
    """Clauses of rules and actions, metrics and commands."""

    def event_names(self, *names: Token) -> syntax.Words:
        items = tuple(self.string(name) for name in names)
        return syntax.Words(items=items, **measure(span_of(items[0], items[-1]), *items))

    def words(self, *items: Any) -> syntax.Words:
        return syntax.Words(items=items, **measure(span_of(items[0], items[-1]), *items))

    exceptions = words

    def approval(self, *approvers: syntax.ApproverText) -> tuple[syntax.ApproverText, ...]:
        return approvers

    def approver(
        self, count: Token | None, who: syntax.Name | syntax.Literal, within: Token | None
    ) -> syntax.ApproverText:
        return syntax.ApproverText(
            span=span_of(count or who, within or who),
            who=who,
            count=literal(count, Type.NUMBER) if count else None,
            within=micros(within),
        )

    def repeat(self, *modes: syntax.RepetitionText) -> tuple[syntax.RepetitionText, ...]:
        return modes

    def repeat_running(self, way: Token, _per: Token, key: Token) -> syntax.RepetitionText:
        return self._repetition("running", way, key)

    def repeat_success(self, way: Token, window: Token, _per: Token, key: Token) -> syntax.RepetitionText:
        return self._repetition("success", way, key, window=micros(window))

    def repeat_beyond(
        self, way: Token, count: Token, _per: Token, window: Token, _per2: Token, key: Token
    ) -> syntax.RepetitionText:
        return self._repetition("beyond", way, key, window=micros(window), count=literal(count, Type.NUMBER))

    def repeat_again(self, pause: Token) -> syntax.RepetitionText:
        return syntax.RepetitionText(span=span_of(pause, pause), form="again", window=micros(pause))

    def _repetition(self, form: str, way: Token, key: Token, **more: Any) -> syntax.RepetitionText:
        return syntax.RepetitionText(
            span=span_of(way, key), form=form, way=way.lower(), way_span=span_of(way, way), per=self.name(key), **more
        )

    def condition(self, tree: Tree) -> Tree:
        return tree

    def verification(self, tree: Tree, stable: Token | None, within: Token | None) -> syntax.Verification:
        last = within or stable or tree
        return syntax.Verification(
            condition=tree, stable=micros(stable), within=micros(within), **measure(span_of(tree, last), tree)
        )

    def steps(self, *items: syntax.Step | syntax.Wait) -> syntax.Steps:
        return syntax.Steps(items=items, **measure(span_of(items[0], items[-1]), *items))

    def step(self, word: Token, _open: Token, subject: Token, *rest: Any) -> syntax.Step:
        first, arguments = self.string(subject), rest[:-1]
        measured = measure(span_of(word, rest[-1]), *arguments)
        return syntax.Step(word=word.lower(), subject=first, arguments=arguments, **measured)

    def wait(self, word: Token, until: syntax.Verification) -> syntax.Wait:
        return syntax.Wait(until=until, **measure(span_of(word, until), until))

    def undo(self, _open: Token, subject: Token, _close: Token) -> syntax.Literal:
        return self.string(subject)

    def limits(self, *items: syntax.LimitText) -> tuple[syntax.LimitText, ...]:
        return items

    def rate(self, count: Token, _per: Token, window: Token, _per2: Token, key: Token) -> syntax.LimitText:
        return syntax.LimitText(
            span=span_of(count, key),
            form="rate",
            amount=literal(count, Type.NUMBER),
            window=micros(window),
            per=self.name(key),
        )

    def share(self, first: Token, part: Token, last: Token) -> syntax.LimitText:
        return syntax.LimitText(span=span_of(first, last), form="share", amount=literal(part, Type.PERCENTAGE))

    def at_once(self, first: Token, count: Token, _at: Token, _per: Token, key: Token) -> syntax.LimitText:
        amount = literal(count, Type.NUMBER)
        return syntax.LimitText(span=span_of(first, key), form="at_once", amount=amount, per=self.name(key))

    def integer(self, *tokens: Token) -> syntax.Literal:
        amount = literal(tokens[-1], Type.NUMBER)
        sign = -1 if tokens[0] == "-" else 1
        return syntax.Literal(span=span_of(tokens[0], tokens[-1]), type=Type.NUMBER, value=sign * float(amount.value))

    def duration(self, token: Token) -> syntax.Literal:
        return literal(token, Type.DURATION)

    def argv(self, *tokens: Token) -> tuple[syntax.Literal, ...]:
        return tuple(self.string(token) for token in tokens[1:-1])

    def invocation_argv(self, executor: Token, argv: tuple[syntax.Literal, ...]) -> syntax.Invocation:
        return syntax.Invocation(span=span_of(executor, argv[-1]), executor=self.name(executor), argv=argv)

    def invocation_call(self, executor: Token, call: Token) -> syntax.Invocation:
        return syntax.Invocation(span=span_of(executor, call), executor=self.name(executor), call=self.string(call))

    def invocation_command(self, executor: Token, placeholder: Token) -> syntax.Invocation:
        parameter = placeholder[placeholder.index("{") + 1 : -1]
        span = span_of(executor, placeholder)
        return syntax.Invocation(span=span, executor=self.name(executor), command=parameter)

    def parameters(self, *items: syntax.ParameterText) -> tuple[syntax.ParameterText, ...]:
        return items

    def parameter(
        self, label: Token, kind: Token, constraint: dict[str, Any] | None, default: syntax.Literal | None
    ) -> syntax.ParameterText:
        written = self.name(kind)
        return syntax.ParameterText(
            span=span_of(label, default or written),
            name=label_of(label),
            type=written,
            default=default,
            **(constraint or {}),
        )

    def pattern(self, _operator: Token, pattern: Token) -> dict[str, Any]:
        if _operator != "=~":
            raise Fault("E0101", span_of(_operator, pattern), f"unexpected `{_operator}`", expected="`=~`")
        return {"pattern": self.string(pattern)}

    def choices(self, *tokens: Any) -> dict[str, Any]:
        return {"choices": tuple(tokens[2:-1])}

    def bounds(self, lowest: syntax.Literal, highest: syntax.Literal) -> dict[str, Any]:
        return {"lowest": lowest, "highest": highest}

    def metric(self, label: Token, kind: Token, value: Tree) -> syntax.MetricText:
        name = label_of(label)
        name_span = (label.start_pos or 0, (label.start_pos or 0) + len(name))
        measured = measure(span_of(label, value), value)
        return syntax.MetricText(name=name, name_span=name_span, type=self.name(kind), value=value, **measured)

    def command(self, name: Token, argv: tuple[syntax.Literal, ...]) -> syntax.CommandText:
        return syntax.CommandText(span=span_of(name, argv[-1]), name=self.string(name), argv=argv)
