"""Does a rule match now? Asked by the planner before it begins, and by the guard `dwell` right before an effect. Pure."""

import msgspec

from rules import Expression, Facts, Rule, Verdict, evaluate


def matches(rule: Rule, facts: Facts) -> Verdict:
    """Whether the rule would start: its condition holds, and none of its exceptions does, or may."""
    verdict = evaluate(rule.when, facts)
    for exception in rule.exceptions:
        if verdict.value is not True:
            break
        excepted = evaluate(exception, facts)
        verdict = msgspec.structs.replace(
            verdict,
            value=excepted.value is False,
            because=(*verdict.because, *(f"except: {why}" for why in excepted.because)),
            needs=(*verdict.needs, *excepted.needs),
            next_at=min((at for at in (verdict.next_at, excepted.next_at) if at is not None), default=None),
            held=(*verdict.held, *excepted.held),
        )
    return verdict


def holds_still(condition: Expression | None, facts: Facts) -> Verdict:
    """A condition that held before: whatever had to hold for a while has held, if it holds now."""
    held = evaluate(condition, facts).held
    return evaluate(condition, msgspec.structs.replace(facts, held_since={one.key: 0 for one in held}))
