"""Does this `test` of the rule language pass? It is played, and what happened is held against what was expected.

Called by `healer test`, which prints what is found, and by whoever checks a set of rules before it takes over.
"""

from collections.abc import Iterator

import msgspec

from healer.rehearsal.stage import Done, Played, play
from healer.times import format_duration
from rules import Expectation, RuleSet, Trial


class Tried(msgspec.Struct, frozen=True):
    """One test: what did not come as expected (nothing: it passed), and what happened instead, in sentences."""

    trial: Trial
    failures: tuple[str, ...]
    happened: tuple[str, ...]
    lasted_us: int

    @property
    def passed(self) -> bool:
        """Whether everything came as expected."""
        return not self.failures


def attempt(trial: Trial, ruleset: RuleSet, health: dict[str, str] | None = None) -> Tried:
    """Play one test and judge it. `health` is the configuration's health queries, where there is one."""
    played = play(trial, ruleset, health)
    failures = tuple(f"line {one.line}: {why}" for one in trial.expects if (why := _missed(one, played)))
    return Tried(trial, failures, (*_story(played), *_nowhere(trial)), played.lasted)


def _nowhere(trial: Trial) -> Iterator[str]:
    """A remark where no alert says where it is: mappings are the configuration's, and a test has none."""
    if not any(dict(alert.labels).get("node") for alert in trial.alerts):
        yield 'no alert of this test is on a node: its label `node` says on which, as in {node: "host/a"}'


def _missed(expected: Expectation, played: Played) -> str:
    """Why the expectation was not met, or ""."""
    match expected.form:
        case "nothing":
            found = [f"{_effect(done)}, by {done.rule!r}" for done in played.done]
            found += [f"{who} was asked, by {rule!r}" for _, rule, who in played.asked]
            found += [f"suggested: {what}" for what in _suggested(played)]
            found += [f"{channel} was told" for channel in played.told]
            return f"expected nothing, and there was {'; '.join(found)}" if found else ""
        case "approval":
            asked = any(who == expected.what for _, _, who in played.asked)
            return "" if asked else f"expected {expected.text}, and nobody asked {expected.what}"
        case "outcome":
            ended = any(one.state == expected.what for one in played.ended)
            return "" if ended else f"expected {expected.text}, and no remediation ended so"
        case "notice":
            told = expected.what in played.told
            return "" if told is not expected.absent else f"expected {expected.text}"
        case "step":
            found_step = any(_is(expected, rule, step) for rule, step in _steps(expected, played))
            if found_step is not expected.absent:
                return ""
            return f"expected {expected.text}" + ("" if expected.absent else _instead(expected, played))


def _instead(expected: Expectation, played: Played) -> str:
    """What comes nearest to a step that did not come: the same one in another way, or the same action otherwise."""
    other = msgspec.structs.replace(expected, suggested=not expected.suggested)
    if any(_is(expected, rule, step) for rule, step in _steps(other, played)):
        if expected.suggested:
            return ", and it was run, not only suggested"
        return f", and it was only suggested: expect suggested {expected.text}, or give the rule another mode"
    for rule, step in _steps(expected, played):
        if getattr(step, "action", "") == expected.what:
            given = dict(getattr(step, "parameters", ()))
            told = ", ".join(f"{name}: {value}" for name, value in given.items())
            return f", and there was {expected.what}({told}) on {getattr(step, 'node', '')}, by {rule!r}"
    return ""


def _steps(expected: Expectation, played: Played) -> Iterator[tuple[str, object]]:
    if expected.suggested:
        for planned in played.planned:
            if planned.state == "suggested":
                yield from ((planned.plan.rule, step) for step in planned.plan.steps)
    else:
        yield from ((done.rule, done.step) for done in played.done)


def _is(expected: Expectation, rule: str, step: object) -> bool:
    given = dict(getattr(step, "parameters", ()))
    return (
        getattr(step, "action", "") == expected.what
        and expected.on in (None, getattr(step, "node", ""))
        and expected.by in (None, rule)
        and all(given.get(name) == value for name, value in expected.given)
    )


def _suggested(played: Played) -> list[str]:
    plans = [planned.plan for planned in played.planned if planned.state == "suggested"]
    return [f"{step.action} on {step.node}, by {plan.rule!r}" for plan in plans for step in plan.steps]


def _effect(done: Done) -> str:
    return f"{done.step.action} on {done.step.node}" + ("" if done.worked else " (which failed)")


def _story(played: Played) -> Iterator[str]:
    """What happened, in order of time."""
    lines = [(at, f"{rule}: asked {who}") for at, rule, who in played.asked]
    lines += [(done.at, f"{done.rule}: {_effect(done)}") for done in played.done]
    for at, line in sorted(lines):
        yield f"{format_duration(at)} {line}"
    for one in played.ended:
        yield f"{one.plan.rule}: {one.state}" + (f": {one.detail}" if one.detail else "")
    if not played.planned:
        yield "no rule started anything"
