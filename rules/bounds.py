"""How often a rule may, who must agree, and when it may not: `limit`, `repeat`, `approve`, `except`, `allow`, `priority`.

Called by `rules.clauses` with one clause at a time; what is wrong goes into the report.
"""

from typing import Final, cast

from rules import syntax
from rules.checking import Checker
from rules.expressions import Broken, Expression
from rules.problems import did_you_mean
from rules.reading import Written
from rules.ruleset import DEFAULT_APPROVAL, Approver, Limit, Repeat
from rules.units import SECOND, Type, format_duration

MAX_COUNT: Final = 1_000_000
MAX_PRIORITY: Final = 1000
MAX_WINDOW: Final = 366 * 86_400 * SECOND
"""What is older no limit counts."""
MAX_APPROVERS: Final = 10
ALLOWANCES: Final = ("unfenced", "storm")
_KEYS: Final = "rule, node, action, topology.KIND, node.ATTRIBUTE or labels.NAME"
_FORMS: Final = {"running": "while running", "success": "after success", "beyond": "beyond"}
_WAYS: Final = {"running": ("skip", "wait"), "success": ("skip",), "beyond": ("skip", "ask", "summarize")}


def compile_limits(clause: Written, checker: Checker) -> tuple[Limit, ...]:
    """The limits; those with a mistake are reported and left out."""
    found = (_limit(item, checker) for item in cast("tuple[syntax.LimitText, ...]", clause.tree))
    limits = tuple(limit for limit in found if limit is not None)
    if len(limits) == len(clause.tree):
        _warn_of_idle_limits(limits, cast("tuple[syntax.LimitText, ...]", clause.tree), checker)
    return limits


def _warn_of_idle_limits(limits: tuple[Limit, ...], written: tuple[syntax.LimitText, ...], checker: Checker) -> None:
    """Warn of limits that another one reaches first, whatever happens."""
    for number, (limit, item) in enumerate(zip(limits, written, strict=True)):
        first = next(
            (each for at, each in enumerate(limits) if at != number and _holds_first(each, limit, at < number)), None
        )
        if first is not None:
            message = f"`{limit.text}` can never hold: `{first.text}` holds first"
            checker.report.warn("W0211", checker.place(item.span), message)


def _holds_first(one: Limit, other: Limit, earlier: bool) -> bool:
    if (one.form, one.per) != (other.form, other.per):
        return False
    if one.form == "share":
        return one.share < other.share or (one.share == other.share and earlier)
    if one.count > other.count or one.window < other.window:
        return False
    return (one.count, one.window) != (other.count, other.window) or earlier


def _limit(item: syntax.LimitText, checker: Checker) -> Limit | None:
    text = checker.words(item.span)
    if item.form == "share" or item.per is None:
        checker.uses("share of siblings", item.span, "`at most ...% of siblings`", "E0601")
        share = float(item.amount.value)
        if not 0 < share <= 1:
            checker.error("E0503", item.span, "a share is above 0% and at most 100%")
            return None
        return Limit(form="share", count=0, share=share, per="siblings", text=text)
    count = float(item.amount.value)
    if count != int(count) or not 0 < count <= MAX_COUNT or item.window == 0:
        checker.error("E0503", item.span, "a limit is a whole number above 0, in a time above 0")
        return None
    if item.window and item.window > MAX_WINDOW:
        checker.error("E0503", item.span, f"a limit looks back {MAX_WINDOW // (86_400 * SECOND)}d at most")
        return None
    if not is_key(item.per, checker):
        return None
    form = "rate" if item.form == "rate" else "at_once"
    return Limit(form=form, count=int(count), per=item.per.path, window=item.window or 0, text=text)  # type: ignore[arg-type] # one of two words


def is_key(per: syntax.Name, checker: Checker) -> bool:
    """Whether something can be counted per this; reports an error where it cannot."""
    prefix, _, rest = per.path.partition(".")
    dotted = prefix in {"topology", "labels", "node"} and rest
    if per.path not in {"rule", "node", "action"} and not dotted:
        more = {"hint": f"a label is labels.{per.path}"} if "." not in per.path else {}
        checker.error("E0503", per.span, f"nothing is counted per `{per.path}`", expected=_KEYS, **more)
        return False
    return prefix != "topology" or checker.kind(syntax.Name(span=per.span, path=rest))


def compile_repeat(clause: Written, checker: Checker) -> tuple[Repeat, ...]:
    """The modes of `repeat:`."""
    checker.uses("repeat", (clause.head[0] - clause.base, clause.head[1] - clause.base), "`repeat:`", "E0601")
    found = (_repetition(item, checker) for item in cast("tuple[syntax.RepetitionText, ...]", clause.tree))
    return tuple(repeat for repeat in found if repeat is not None)


def _repetition(item: syntax.RepetitionText, checker: Checker) -> Repeat | None:
    text = checker.words(item.span)
    if item.form == "again":
        if not item.window:
            checker.error("E0503", item.span, "the pause is longer than nothing", expected="again after 15m")
            return None
        return Repeat(form="again", window=item.window, text=f"again after {format_duration(item.window)}")
    if item.way not in _WAYS[item.form]:
        expected = " or ".join(_WAYS[item.form])
        checker.error("E0503", item.way_span, f"`{item.way}` does not go with `{_FORMS[item.form]}`", expected=expected)
        return None
    if item.way == "summarize":
        checker.uses("summarize", item.way_span, "`summarize beyond`", "E0601")
    count = float(item.count.value) if item.count else 0.0
    if item.form != "running" and (count != int(count) or not 0 <= count <= MAX_COUNT or not item.window):
        what = "`within` is a time" if item.form == "success" else "`beyond` is a whole number, per a time"
        checker.error("E0503", item.span, f"{what} above 0")
        return None
    if item.per is None or not is_key(item.per, checker):
        return None
    return Repeat(
        form=item.form,  # type: ignore[arg-type] # the grammar knows no other
        way=item.way,  # type: ignore[arg-type] # the grammar knows no other
        count=int(count),
        window=item.window or 0,
        per=item.per.path,
        text=text,
    )


def compile_approve(clause: Written, checker: Checker) -> tuple[tuple[Approver, ...], bool]:
    """Who is asked, in order, and whether a person is paged at the end."""
    checker.uses("approve", (clause.head[0] - clause.base, clause.head[1] - clause.base), "`approve:`", "E0601")
    found: list[Approver] = []
    page = False
    items = cast("tuple[syntax.ApproverText, ...]", clause.tree)
    for number, item in enumerate(items):
        if isinstance(item.who, syntax.Name):
            page = _page(item, checker, last=number == len(items) - 1, first=number == 0) or page
            continue
        who = str(item.who.value)
        count = float(item.count.value) if item.count else 1.0
        within = DEFAULT_APPROVAL if item.within is None else item.within
        if not who.strip():
            checker.error("E0503", item.who.span, "somebody is asked by name", expected='"sre"')
        elif count != int(count) or not 1 <= count <= MAX_APPROVERS:
            checker.error("E0503", item.span, f"1 to {MAX_APPROVERS} people can be asked to agree")
        elif within <= 0:
            checker.error("E0503", item.span, "nobody answers within no time", expected="within 10m")
        else:
            found.append(Approver(who=who, count=int(count), within=within))
    return tuple(found), page


def _page(item: syntax.ApproverText, checker: Checker, *, last: bool, first: bool) -> bool:
    assert isinstance(item.who, syntax.Name)
    if item.who.path != "page":
        message = f"`{item.who.path}` is nobody; a group stands in quotes"
        checker.error("E0503", item.who.span, message, expected=f'"{item.who.path}" or page')
    elif first or not last or item.within is not None or item.count is not None:
        checker.error("E0503", item.span, "`page` stands alone, at the end, after `else`")
    return True


def compile_exceptions(clause: Written, checker: Checker) -> tuple[Expression, ...]:
    """The conditions under which the rule does not start."""
    checker.uses("except", (clause.head[0] - clause.base, clause.head[1] - clause.base), "`except:`", "E0601")
    found = [checker.condition(item) for item in clause.tree.items]
    return tuple(one for one in found if not isinstance(one, Broken))


def compile_allow(clause: Written, checker: Checker) -> tuple[str, ...]:
    """What the rule may although it is risky."""
    checker.uses("allow", (clause.head[0] - clause.base, clause.head[1] - clause.base), "`allow:`", "E0601")
    found: list[str] = []
    for item in clause.tree.items:
        word = item.path.lower() if isinstance(item, syntax.Name) else ""
        if word in found:
            checker.error("E0110", item.span, f"`{word}` is allowed twice")
        elif word not in ALLOWANCES:
            more = did_you_mean(word, ALLOWANCES)
            checker.error("E0503", item.span, "this cannot be allowed", expected=" or ".join(ALLOWANCES), **more)
        found.append(word)
    return tuple(found)


def compile_priority(tree: syntax.Literal, checker: Checker) -> int:
    """The priority."""
    assert tree.type is Type.NUMBER
    value = float(tree.value)
    if value != int(value) or abs(value) > MAX_PRIORITY:
        message = f"a priority is a whole number between -{MAX_PRIORITY} and {MAX_PRIORITY}"
        checker.error("E0503", tree.span, message)
    return int(value)
