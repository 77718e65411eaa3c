"""Reading one clause: text in, `rules.syntax` out, or one Fault that says what was expected.

lark builds the tree by LALR(1) with a contextual lexer, straight into our own nodes. Called by `rules.compiling` for
every clause that `rules.scanning` found.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args

from rules import syntax
from rules.problems import Fault
from rules.syntax import MAX_NESTING, Span, Tree
from rules.units import BadQuantity, Type, read_quantity

STARTS: Final = (
    "event_names",
    "condition",
    "verification",
    "steps",
    "limits",
    "exceptions",
    "approval",
    "words",
    "repeat",
    "integer",
    "duration",
    "text",
    "yes_no",
    "invocation",
    "parameters",
    "metric",
    "command",
    "undo",
    "given",
    "expectation",
)

MAX_REMEMBERED: Final = 16_384
"""Clauses whose trees are kept, each of at most so many characters."""
MAX_REMEMBERED_CHARACTERS: Final = 500

_OPERATORS: Final = {"COMPARE", "MATCHES", "IN", "SIGN", "SCALE", "DEFAULT", "_AND", "_OR", "_FOR"}
_WORDING: Final = {
    "STRING": "a string in double quotes",
    "QUANTITY": "a number, percentage, duration or size",
    "BOOLEAN": "yes or no",
    "NAME": "a name",
    "LABEL": "a name with a colon",
    "PLACEHOLDER": "`command {parameter}`",
    "EXECUTE": "execute(...)",
    "_EXECUTE": "execute(...)",
    "NOTIFY": "notify(...)",
    "WAIT_UNTIL": "wait until",
    "_STABLE": "stable",
    "_WITHIN": "within",
    "_ELSE": "else",
    "_FROM": "from",
    "_TO": "to",
    "PER": "per",
    "AT_MOST": "at most",
    "OF_SIBLINGS": "of siblings",
    "AT_A_TIME": "at a time",
    "_EQUALS": "`=`",
    "_COMMA": "`,`",
    "_COLON": "`:`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "MATCHES": "`=~`",
    "IN": "in",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "WAY": "skip, wait, ask or summarize",
    "_WHILE_RUNNING": "while running",
    "_AFTER_SUCCESS": "after success",
    "APPROVAL_BY": "approval by",
    "APPROVES": "approves or rejects",
    "TIME": 'time "..."',
    "CALENDAR": 'calendar "..."',
    "CHANGE": 'change "..."',
    "NODE": 'node "..."',
    "ALERT": 'alert "..."',
    "QUERY": 'query("...")',
    "$END": "the end of the clause",
}
_VALUE: Final = {"STRING", "QUANTITY", "NAME", "BOOLEAN"}
_FOUND = re.compile(r'"(?:\\["\\]|[^"\n])*+"?|[A-Za-z_][\w.]*|\d[\w.]*%?|[=!<>]=|=~|!~|\?\?|&&|\|\||.', re.DOTALL)
_ELSEWHERE: Final = {
    "&&": "write AND",
    "||": "write OR",
    "!": "write NOT",
    "=": "write == to compare",
    "%": "`%` is a unit and stands right after its number, as in 95%; there is no modulo",
    "'": 'strings stand in double quotes, as in "web-1"',
}


def read(start: str, text: str) -> Any:
    """Read one clause's body. Raises Fault with offsets into `text`.

    The same clause is read once a process: what is compiled again is what was changed.
    """
    return _remembered(start, text) if len(text) <= MAX_REMEMBERED_CHARACTERS else _read(start, text)


def _read(start: str, text: str) -> Any:
    try:
        return _parser().parse(text, start=start)
    except UnexpectedInput as surprise:
        raise _explain(surprise, text) from None


_remembered = lru_cache(maxsize=MAX_REMEMBERED)(_read)


@cache
def _parser() -> Lark:
    grammar = files("rules").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar,
        parser="lalr",
        lexer="contextual",
        start=list(STARTS),
        transformer=_Builder(),
        maybe_placeholders=True,
    )


def _explain(surprise: UnexpectedInput, text: str) -> Fault:
    wanted: set[str] = set()
    offset: int | None = surprise.pos_in_stream
    at_end = False
    if isinstance(surprise, UnexpectedToken):
        wanted = set(surprise.accepts or surprise.expected)
        at_end = surprise.token.type == "$END"
    elif isinstance(surprise, UnexpectedCharacters):
        wanted = set(surprise.allowed or ())
    expected = _expected(wanted, inside=_inside_brackets(text[: offset or 0]))
    if at_end or offset is None or offset >= len(text):
        end = len(_without_comments(text).rstrip())
        return Fault("E0101", (end, end + 1), "the clause breaks off here", expected=expected)
    match = _FOUND.match(text, offset)
    found = match.group() if match else text[offset]
    span = (offset, offset + len(found))
    if found.startswith('"') and (len(found) == 1 or not found.endswith('"') or found.endswith('\\"')):
        return Fault("E0102", span, "the string is not closed on its line", expected='a closing `"`')
    if found in {"==", "!=", "<", "<=", ">", ">=", "=~", "!~"} and "_AND" in wanted:
        hint = "write a < b AND b < c"
        return Fault("E0111", span, "comparisons do not chain", expected=expected, hint=hint)
    more = {"hint": _ELSEWHERE[found]} if found in _ELSEWHERE else {}
    return Fault("E0101", span, f"unexpected `{found}`", expected=expected, **more)


def _without_comments(text: str) -> str:
    return re.sub(r'("(?:\\["\\]|[^"\n])*+"?)|#[^\n]*', lambda m: m[1] or " " * len(m[0]), text)


def _expected(terminals: Iterable[str], *, inside: bool) -> str:
    left = set(terminals)
    if left >= _VALUE:
        return "a value"
    if len(left & _OPERATORS) > 2:
        return "an operator, `,` or `)`" if inside else "an operator or the end of the clause"
    return " or ".join(sorted({_WORDING.get(terminal, terminal.strip("_").lower()) for terminal in left}))


def _inside_brackets(text: str) -> bool:
    plain = re.sub(r'"(?:\\["\\]|[^"\n])*+"?|#[^\n]*', "", text)
    return sum(plain.count(letter) for letter in "([") > sum(plain.count(letter) for letter in ")]")


def _unquote(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])


def _span(first: Any, last: Any) -> Span:
    start = first.start_pos if isinstance(first, Token) else first.span[0]
    end = last.end_pos if isinstance(last, Token) else last.span[1]
    return int(start or 0), int(end or 0)


def _literal(token: Token, *wanted: Type) -> syntax.Literal:
    span = _span(token, token)
    try:
        kind, value = read_quantity(str(token))
    except BadQuantity as bad:
        raise Fault("E0109", span, str(bad)) from None
    if wanted and kind not in wanted:
        examples = {Type.DURATION: "a duration such as 30s", Type.NUMBER: "a number", Type.PERCENTAGE: "a percentage"}
        expected = " or ".join(examples[kind] for kind in wanted)
        raise Fault("E0109", span, f"{token} is a {kind}", expected=expected)
    return syntax.Literal(span=span, type=kind, value=value)


def _micros(token: Token | None) -> int | None:
    return None if token is None else int(_literal(token, Type.DURATION).value)


def _measure(span: Span, *children: Any) -> dict[str, Any]:
    """Span, depth and size of a node over its children. Raises Fault beyond the limit on nesting."""
    depth = 1 + max((child.depth for child in children), default=0)
    if depth > MAX_NESTING:
        raise Fault(
            "E0108", span, f"nested deeper than {MAX_NESTING}", hint="name a part as a metric, or split the rule"
        )
    return {"span": span, "depth": depth, "size": 1 + sum(child.size for child in children)}


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """One method per rule of grammar.lark, called as each is reduced."""

    def quantity(self, token: Token) -> syntax.Literal:
        return _literal(token)

    def string(self, token: Token) -> syntax.Literal:
        return syntax.Literal(span=_span(token, token), type=Type.STRING, value=_unquote(str(token)))

    def boolean(self, token: Token) -> syntax.Literal:
        return syntax.Literal(span=_span(token, token), type=Type.BOOLEAN, value=token.lower() in {"true", "yes"})

    yes_no = boolean
    text = string

    def name(self, token: Token) -> syntax.Name:
        return syntax.Name(span=_span(token, token), path=str(token))

    def subscript(self, token: Token, _open: Token, key: Token, close: Token) -> syntax.Name:
        return syntax.Name(span=_span(token, close), path=f"{token}.{_unquote(str(key))}")

    def any_of(self, *operands: Tree) -> syntax.Operation:
        return self._operation("or", operands)

    def all_of(self, *operands: Tree) -> syntax.Operation:
        return self._operation("and", operands)

    def binary(self, left: Tree, operator: Token, right: Tree) -> syntax.Operation:
        return self._operation(operator.lower(), (left, right))

    def negated(self, word: Token, operand: Tree) -> syntax.Operation:
        return syntax.Operation(operator="not", operands=(operand,), **_measure(_span(word, operand), operand))

    def signed(self, sign: Token, operand: Tree) -> Tree:
        return syntax.Operation(operator=str(sign), operands=(operand,), **_measure(_span(sign, operand), operand))

    def grouped(self, opened: Token, inner: Tree, closed: Token) -> Tree:
        span = _span(opened, closed)
        # Parentheses leave no node of their own, but they count for the nesting.
        return _regrouped(inner, depth=_measure(span, inner)["depth"], span=span)

    def held_for(self, operand: Tree, duration: Token) -> syntax.Held:
        micros = _micros(duration) or 0
        return syntax.Held(operand=operand, duration=micros, **_measure(_span(operand, duration), operand))

    def listing(self, opened: Token, *rest: Any) -> syntax.Listing:
        items = tuple(item for item in rest[:-1] if item is not None)
        return syntax.Listing(items=items, **_measure(_span(opened, rest[-1]), *items))

    def call(
        self, name: Token, _open: Token, arguments: tuple[syntax.Argument, ...] | None, close: Token
    ) -> syntax.Call:
        given = arguments or ()
        return syntax.Call(name=str(name), arguments=given, **_measure(_span(name, close), *given))

    def call_arguments(self, *arguments: syntax.Argument) -> tuple[syntax.Argument, ...]:
        return arguments

    def call_argument(self, first: Any, value: Tree | None = None) -> syntax.Argument:
        if value is None:
            return syntax.Argument(name=None, value=first, **_measure(first.span, first))
        return self.argument(first, value)

    def argument(self, label: Token, value: Tree) -> syntax.Argument:
        return syntax.Argument(name=_label(label), value=value, **_measure(_span(label, value), value))

    def _operation(self, operator: str, operands: tuple[Tree, ...]) -> syntax.Operation:
        span = _span(operands[0], operands[-1])
        return syntax.Operation(operator=operator, operands=operands, **_measure(span, *operands))

    def event_names(self, *names: Token) -> syntax.Words:
        items = tuple(self.string(name) for name in names)
        return syntax.Words(items=items, **_measure(_span(items[0], items[-1]), *items))

    def words(self, *items: Any) -> syntax.Words:
        return syntax.Words(items=items, **_measure(_span(items[0], items[-1]), *items))

    exceptions = words

    def approval(self, *approvers: syntax.ApproverText) -> tuple[syntax.ApproverText, ...]:
        return approvers

    def approver(
        self, count: Token | None, who: syntax.Name | syntax.Literal, within: Token | None
    ) -> syntax.ApproverText:
        return syntax.ApproverText(
            span=_span(count or who, within or who),
            who=who,
            count=_literal(count, Type.NUMBER) if count else None,
            within=_micros(within),
        )

    def repeat(self, *modes: syntax.RepetitionText) -> tuple[syntax.RepetitionText, ...]:
        return modes

    def repeat_running(self, way: Token, _per: Token, key: Token) -> syntax.RepetitionText:
        return self._repetition("running", way, key)

    def repeat_success(self, way: Token, window: Token, _per: Token, key: Token) -> syntax.RepetitionText:
        return self._repetition("success", way, key, window=_micros(window))

    def repeat_beyond(
        self, way: Token, count: Token, _per: Token, window: Token, _per2: Token, key: Token
    ) -> syntax.RepetitionText:
        return self._repetition("beyond", way, key, window=_micros(window), count=_literal(count, Type.NUMBER))

    def repeat_again(self, pause: Token) -> syntax.RepetitionText:
        return syntax.RepetitionText(span=_span(pause, pause), form="again", window=_micros(pause))

    def _repetition(self, form: str, way: Token, key: Token, **more: Any) -> syntax.RepetitionText:
        return syntax.RepetitionText(
            span=_span(way, key), form=form, way=way.lower(), way_span=_span(way, way), per=self.name(key), **more
        )

    def condition(self, tree: Tree) -> Tree:
        return tree

    def verification(self, tree: Tree, stable: Token | None, within: Token | None) -> syntax.Verification:
        last = within or stable or tree
        return syntax.Verification(
            condition=tree, stable=_micros(stable), within=_micros(within), **_measure(_span(tree, last), tree)
        )

    def steps(self, *items: syntax.Step | syntax.Wait) -> syntax.Steps:
        return syntax.Steps(items=items, **_measure(_span(items[0], items[-1]), *items))

    def step(self, word: Token, _open: Token, subject: Token, *rest: Any) -> syntax.Step:
        first, arguments = self.string(subject), rest[:-1]
        measured = _measure(_span(word, rest[-1]), *arguments)
        return syntax.Step(word=word.lower(), subject=first, arguments=arguments, **measured)

    def wait(self, word: Token, until: syntax.Verification) -> syntax.Wait:
        return syntax.Wait(until=until, **_measure(_span(word, until), until))

    def undo(self, _open: Token, subject: Token, _close: Token) -> syntax.Literal:
        return self.string(subject)

    def limits(self, *items: syntax.LimitText) -> tuple[syntax.LimitText, ...]:
        return items

    def rate(self, count: Token, _per: Token, window: Token, _per2: Token, key: Token) -> syntax.LimitText:
        return syntax.LimitText(
            span=_span(count, key),
            form="rate",
            amount=_literal(count, Type.NUMBER),
            window=_micros(window),
            per=self.name(key),
        )

    def share(self, first: Token, part: Token, last: Token) -> syntax.LimitText:
        return syntax.LimitText(span=_span(first, last), form="share", amount=_literal(part, Type.PERCENTAGE))

    def at_once(self, first: Token, count: Token, _at: Token, _per: Token, key: Token) -> syntax.LimitText:
        amount = _literal(count, Type.NUMBER)
        return syntax.LimitText(span=_span(first, key), form="at_once", amount=amount, per=self.name(key))

    def integer(self, *tokens: Token) -> syntax.Literal:
        amount = _literal(tokens[-1], Type.NUMBER)
        sign = -1 if tokens[0] == "-" else 1
        return syntax.Literal(span=_span(tokens[0], tokens[-1]), type=Type.NUMBER, value=sign * float(amount.value))

    def duration(self, token: Token) -> syntax.Literal:
        return _literal(token, Type.DURATION)

    def argv(self, *tokens: Token) -> tuple[syntax.Literal, ...]:
        return tuple(self.string(token) for token in tokens[1:-1])

    def invocation_argv(self, executor: Token, argv: tuple[syntax.Literal, ...]) -> syntax.Invocation:
        return syntax.Invocation(span=_span(executor, argv[-1]), executor=self.name(executor), argv=argv)

    def invocation_call(self, executor: Token, call: Token) -> syntax.Invocation:
        return syntax.Invocation(span=_span(executor, call), executor=self.name(executor), call=self.string(call))

    def invocation_command(self, executor: Token, placeholder: Token) -> syntax.Invocation:
        parameter = placeholder[placeholder.index("{") + 1 : -1]
        span = _span(executor, placeholder)
        return syntax.Invocation(span=span, executor=self.name(executor), command=parameter)

    def parameters(self, *items: syntax.ParameterText) -> tuple[syntax.ParameterText, ...]:
        return items

    def parameter(
        self, label: Token, kind: Token, constraint: dict[str, Any] | None, default: syntax.Literal | None
    ) -> syntax.ParameterText:
        written = self.name(kind)
        return syntax.ParameterText(
            span=_span(label, default or written),
            name=_label(label),
            type=written,
            default=default,
            **(constraint or {}),
        )

    def pattern(self, _operator: Token, pattern: Token) -> dict[str, Any]:
        if _operator != "=~":
            raise Fault("E0101", _span(_operator, pattern), f"unexpected `{_operator}`", expected="`=~`")
        return {"pattern": self.string(pattern)}

    def choices(self, *tokens: Any) -> dict[str, Any]:
        return {"choices": tuple(tokens[2:-1])}

    def bounds(self, lowest: syntax.Literal, highest: syntax.Literal) -> dict[str, Any]:
        return {"lowest": lowest, "highest": highest}

    def metric(self, label: Token, kind: Token, value: Tree) -> syntax.MetricText:
        name = _label(label)
        name_span = (label.start_pos or 0, (label.start_pos or 0) + len(name))
        measured = _measure(_span(label, value), value)
        return syntax.MetricText(name=name, name_span=name_span, type=self.name(kind), value=value, **measured)

    def command(self, name: Token, argv: tuple[syntax.Literal, ...]) -> syntax.CommandText:
        return syntax.CommandText(span=_span(name, argv[-1]), name=self.string(name), argv=argv)

    # -- tests -------------------------------------------------------------------------------------------------

    def mapping(self, _opened: Token, *rest: Any) -> tuple[tuple[str, str], ...]:
        pairs: dict[str, str] = {}
        for label, value in (each for each in rest[:-1] if each is not None):
            name = _unquote(str(label)) if label.startswith('"') else _label(label)
            if name in pairs:
                raise Fault("E0110", _span(label, value), f"`{name}` is given twice")
            pairs[name] = _unquote(str(value))
        return tuple(pairs.items())

    def pair(self, label: Token, value: Token) -> tuple[Token, Token]:
        return label, value

    def strings(self, *tokens: Token) -> tuple[syntax.Literal, ...]:
        return tuple(self.string(token) for token in tokens)

    def signed_literal(self, sign: Token, amount: Token) -> syntax.Literal:
        literal = _literal(amount)
        value = -float(literal.value) if sign == "-" else literal.value
        return msgspec.structs.replace(literal, span=_span(sign, amount), value=value)

    def moment(self, value: Any, after: Token | None) -> syntax.Moment:
        span = _span(value, after or value)
        if isinstance(value, Token):
            if value.lower() != "unknown":
                raise Fault("E0101", span, f"unexpected `{value}`", expected="a value, or unknown")
            value = None
        return syntax.Moment(span=span, value=value, after=_micros(after) or 0)

    def values(self, *moments: syntax.Moment) -> tuple[syntax.Moment, ...]:
        return moments

    def given_time(self, word: Token, at: Token) -> syntax.GivenTime:
        return syntax.GivenTime(span=_span(word, at), at=self.string(at))

    def given_calendar(self, word: Token, name: Token, state: Token) -> syntax.GivenCalendar:
        return syntax.GivenCalendar(span=_span(word, state), name=self.string(name), state=self.name(state))

    def given_node(
        self,
        word: Token,
        id: Token,
        attributes: tuple[tuple[str, str], ...] | None,
        below: tuple[syntax.Literal, ...] | None,
    ) -> syntax.GivenNode:
        last = below[-1] if below else id
        return syntax.GivenNode(
            span=_span(word, last), id=self.string(id), attributes=attributes or (), below=below or ()
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
            span=_span(word, at or on),
            repo=self.string(repo),
            labels=labels or (),
            on=self.string(on),
            at=_micros(at) or 0,
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
            span=_span(word, ends or begins or name),
            name=self.string(name),
            labels=labels or (),
            begins=_micros(begins) or 0,
            ends=_micros(ends),
        )

    def given_query(
        self, word: Token, _open: Token, text: Token, close: Token, values: tuple[syntax.Moment, ...]
    ) -> syntax.GivenQuery:
        return syntax.GivenQuery(span=_span(word, close), text=self.string(text), values=values)

    def given_metric(self, name: Token, values: tuple[syntax.Moment, ...]) -> syntax.GivenMetric:
        return syntax.GivenMetric(span=_span(name, name), name=self.name(name), values=values)

    def given_answer(self, who: Token, word: Token, after: Token | None) -> syntax.GivenAnswer:
        return syntax.GivenAnswer(
            span=_span(who, after or word),
            who=self.string(who),
            approves=word.lower() == "approves",
            after=_micros(after) or 0,
        )

    def given_failure(
        self, word: Token, _open: Token, action: Token, _close: Token, on: Token | None, fails: Token
    ) -> syntax.GivenFailure:
        return syntax.GivenFailure(
            span=_span(word, fails), action=self.string(action), on=self.string(on) if on else None
        )

    def expected_step(self, word: Token, _open: Token, subject: Token, *rest: Any) -> syntax.Step:
        return self.step(word, _open, subject, *rest)

    def expect_nothing(self, word: Token) -> syntax.ExpectNothing:
        return syntax.ExpectNothing(span=_span(word, word))

    def expect_approval(self, word: Token, who: Token) -> syntax.ExpectApproval:
        return syntax.ExpectApproval(span=_span(word, who), who=self.string(who))

    def expect_outcome(self, word: Token, state: Token) -> syntax.ExpectOutcome:
        return syntax.ExpectOutcome(span=_span(word, state), state=self.name(state))

    def expect_step(
        self, suggested: Token | None, step: syntax.Step, on: Token | None, by: Token | None
    ) -> syntax.ExpectStep:
        return syntax.ExpectStep(
            span=_span(suggested or step, by or on or step),
            step=step,
            on=self.string(on) if on else None,
            by=self.string(by) if by else None,
            suggested=suggested is not None,
        )

    def expect_absence(self, word: Token, step: syntax.Step, on: Token | None) -> syntax.ExpectStep:
        return syntax.ExpectStep(
            span=_span(word, on or step), step=step, on=self.string(on) if on else None, absent=True
        )


def _label(label: Token) -> str:
    return label[:-1].rstrip()


def _regrouped(inner: Tree, *, depth: int, span: Span) -> Tree:
    return msgspec.structs.replace(inner, depth=depth, span=span)
