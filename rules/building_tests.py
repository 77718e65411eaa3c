"""The lines of tests: one method per rule of grammar.lark, called as each is reduced. The whole builder of trees."""

from typing import Any

import msgspec
from lark import Token, v_args

from rules import syntax
from rules.building_rules import Clauses
from rules.leaves import label_of, literal, micros, span_of, unquote
from rules.problems import Fault


@v_args(inline=True)
class Builder(Clauses):
    """Everything that grammar.lark reduces to."""

    def mapping(self, _opened: Token, *rest: Any) -> tuple[tuple[str, str], ...]:
        pairs: dict[str, str] = {}
        for label, value in (each for each in rest[:-1] if each is not None):
            name = unquote(str(label)) if label.startswith('"') else label_of(label)
            if name in pairs:
                raise Fault("E0110", span_of(label, value), f"`{name}` is given twice")
            pairs[name] = unquote(str(value))
        return tuple(pairs.items())

    def pair(self, label: Token, value: Token) -> tuple[Token, Token]:
        return label, value

    def strings(self, *tokens: Token) -> tuple[syntax.Literal, ...]:
        return tuple(self.string(token) for token in tokens)

    def signed_literal(self, sign: Token, amount: Token) -> syntax.Literal:
        written = literal(amount)
        value = -float(written.value) if sign == "-" else written.value
        return msgspec.structs.replace(written, span=span_of(sign, amount), value=value)

    def moment(self, value: Any, after: Token | None) -> syntax.Moment:
        span = span_of(value, after or value)
        if isinstance(value, Token):
            if value.lower() != "unknown":
                raise Fault("E0101", span, f"unexpected `{value}`", expected="a value, or unknown")
            value = None
        return syntax.Moment(span=span, value=value, after=micros(after) or 0)

    def values(self, *moments: syntax.Moment) -> tuple[syntax.Moment, ...]:
        return moments

    def given_time(self, word: Token, at: Token) -> syntax.GivenTime:
        return syntax.GivenTime(span=span_of(word, at), at=self.string(at))

    def given_calendar(self, word: Token, name: Token, state: Token) -> syntax.GivenCalendar:
        return syntax.GivenCalendar(span=span_of(word, state), name=self.string(name), state=self.name(state))

    def given_node(
        self,
        word: Token,
        id: Token,
        attributes: tuple[tuple[str, str], ...] | None,
        below: tuple[syntax.Literal, ...] | None,
    ) -> syntax.GivenNode:
        last = below[-1] if below else id
        return syntax.GivenNode(
            span=span_of(word, last), id=self.string(id), attributes=attributes or (), below=below or ()
        )

    def given_change(
        self,
        word: Token,
        repo: Token,
        labels: tuple[tuple[str, str], ...] | None,
        on: Token,
        at: Token | None,
    ) -> syntax.GivenChange:
        return syntax.GivenChange(
            span=span_of(word, at or on),
            repo=self.string(repo),
            labels=labels or (),
            on=self.string(on),
            at=micros(at) or 0,
        )

    def given_alert(
        self,
        word: Token,
        name: Token,
        labels: tuple[tuple[str, str], ...] | None,
        begins: Token | None,
        ends: Token | None,
    ) -> syntax.GivenAlert:
        return syntax.GivenAlert(
            span=span_of(word, ends or begins or name),
            name=self.string(name),
            labels=labels or (),
            begins=micros(begins) or 0,
            ends=micros(ends),
        )

    def given_query(
        self, word: Token, _open: Token, text: Token, close: Token, values: tuple[syntax.Moment, ...]
    ) -> syntax.GivenQuery:
        return syntax.GivenQuery(span=span_of(word, close), text=self.string(text), values=values)

    def given_metric(self, name: Token, values: tuple[syntax.Moment, ...]) -> syntax.GivenMetric:
        return syntax.GivenMetric(span=span_of(name, name), name=self.name(name), values=values)

    def given_answer(self, who: Token, word: Token, after: Token | None) -> syntax.GivenAnswer:
        return syntax.GivenAnswer(
            span=span_of(who, after or word),
            who=self.string(who),
            approves=word.lower() == "approves",
            after=micros(after) or 0,
        )

    def given_failure(
        self, word: Token, _open: Token, action: Token, _close: Token, on: Token | None, fails: Token
    ) -> syntax.GivenFailure:
        return syntax.GivenFailure(
            span=span_of(word, fails), action=self.string(action), on=self.string(on) if on else None
        )

    def expected_step(self, word: Token, _open: Token, subject: Token, *rest: Any) -> syntax.Step:
        return self.step(word, _open, subject, *rest)

    def expect_nothing(self, word: Token) -> syntax.ExpectNothing:
        return syntax.ExpectNothing(span=span_of(word, word))

    def expect_approval(self, word: Token, who: Token) -> syntax.ExpectApproval:
        return syntax.ExpectApproval(span=span_of(word, who), who=self.string(who))

    def expect_outcome(self, word: Token, state: Token) -> syntax.ExpectOutcome:
        return syntax.ExpectOutcome(span=span_of(word, state), state=self.name(state))

    def expect_step(
        self, suggested: Token | None, step: syntax.Step, on: Token | None, by: Token | None
    ) -> syntax.ExpectStep:
        return syntax.ExpectStep(
            span=span_of(suggested or step, by or on or step),
            step=step,
            on=self.string(on) if on else None,
            by=self.string(by) if by else None,
            suggested=suggested is not None,
        )

    def expect_absence(self, word: Token, step: syntax.Step, on: Token | None) -> syntax.ExpectStep:
        return syntax.ExpectStep(
            span=span_of(word, on or step), step=step, on=self.string(on) if on else None, absent=True
        )
