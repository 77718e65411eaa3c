"""Whatever the text and whatever the facts: compiling and evaluating end, and never raise."""

import functools
import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import Answer, Facts, NodeFact, Rule, Source, compile_files, evaluate, limit_keys, remember, render_steps
from rules.layout import lay_out
from rules.patterns import BadPattern, PatternSet, compile_pattern, matches
from tests.unit.rules.build import rule


def _is_pattern(text: str) -> bool:
    try:
        compile_pattern(text)
    except BadPattern:
        return False
    return True


INTEGERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
TEXTS = st.text(max_size=20) | st.sampled_from(["prod", "-x", "nginx.service", "'", "\ud800", "9" * 400, "1e999"])
NAMES = st.dictionaries(st.sampled_from(["env", "x", "name", "instance", "port", "rack"]), TEXTS, max_size=4)
KINDS = st.sampled_from(["host", "rack", "pod", "", "zone"])
NODES = st.builds(NodeFact, id=TEXTS, name=TEXTS, kind=KINDS, attributes=NAMES)
FLOATS = st.floats() | st.sampled_from([0.0, 1.0, 0.95])
ANSWERS = st.builds(Answer, value=st.none() | FLOATS, sampled_at=st.none() | INTEGERS, why_unknown=st.none() | TEXTS)
FACTS = st.builds(
    Facts,
    now=INTEGERS,
    alertname=TEXTS,
    severity=st.none() | st.sampled_from(["info", "critical", "strange"]),
    severities=st.sampled_from([("info", "warning", "error", "critical"), (), ("critical",)]),
    status=TEXTS,
    labels=NAMES,
    node=st.none() | NODES,
    ancestors=st.dictionaries(KINDS, st.none() | NODES, max_size=3),
    starts_at=st.none() | INTEGERS,
    onset=st.none() | INTEGERS,
    suppressed=st.none() | INTEGERS,
    resolved=st.none() | st.booleans(),
    health=st.dictionaries(
        KINDS, st.sampled_from(["up{i='{{ node.instance }}'}", "up{{{", "{{ nothing }}"]), max_size=2
    ),
    samples_after=st.none() | INTEGERS,
)

NUMBERS = ["suppressed", "3", "-1", "0", "load", "number(labels.port)", "duration / 30s", "(load + suppressed)"]
DURATIONS = ["duration", "30s", "clock_skew", "duration * 2", "(duration - 1h)", "onset - onset", "duration * load"]
SHARES = ["cpu_load", "95%", "memory_used", "disk_used ?? 50%"]
STRINGS = ["labels.env", "node.name", "topology.rack", '"prod"', 'labels.x ?? "a"', "lower(labels.name)", "alertname"]
SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def _pair(words: list[str]) -> st.SearchStrategy[str]:
    side = st.sampled_from(words)
    return st.builds("{} {} {}".format, side, SIGNS, side)


ATOMS = st.one_of(
    _pair(NUMBERS),
    _pair(DURATIONS),
    _pair(SHARES),
    st.builds("{} {} {}".format, st.sampled_from(STRINGS), st.sampled_from(["==", "!="]), st.sampled_from(STRINGS)),
    st.builds('{} {} "pr.*"'.format, st.sampled_from(STRINGS), st.sampled_from(["=~", "!~"])),
    st.builds("{} in [{}, {}]".format, *[st.sampled_from(STRINGS)] * 3),
    st.sampled_from(
        ["resolved", "healthy(node)", "healthy(nearest(rack))", "known(load)", "severity >= error", "kind == host"]
    ),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
        st.builds("(({}) for 5m)".format, inner),
    ),
    max_leaves=8,
)


@functools.cache
def _rule(condition: str) -> Rule:
    return rule(
        f'  when: {condition}\n  then: execute("restart_service", unit: labels.name) execute("scale", replicas: suppressed)'
    )


@settings(max_examples=300, deadline=None)
@given(CONDITIONS, FACTS, st.lists(ANSWERS, max_size=12), st.booleans())
def test_evaluation_ends_and_never_raises(condition: str, facts: Facts, answers: list[Answer], held: bool) -> None:
    """Any condition over any facts has a verdict; asking what it needs ends, and needs nothing twice."""
    compiled = _rule(condition)
    known: dict[str, Answer] = {}
    history: dict[str, int] = {}
    for _ in range(len(answers) + 14):
        asked = msgspec.structs.replace(facts, answers=dict(known), held_since=history)
        verdict = evaluate(compiled.when, asked)
        assert verdict.value in (True, False, None)
        assert verdict.because
        assert verdict.next_at is None or verdict.next_at > facts.now
        assert not known.keys() & {need.key for need in verdict.needs}
        if verdict.value is not None:
            assert not verdict.needs or verdict.value is False
        if not verdict.needs:
            break
        for need in verdict.needs:
            known[need.key] = answers.pop() if answers else Answer(why_unknown="no data")
        if held:
            history = remember(history, verdict, facts.now - 10**9)
    else:
        raise AssertionError("it never stopped asking")
    assert evaluate(compiled.when, asked) == verdict


@settings(max_examples=200, deadline=None)
@given(FACTS)
def test_planning_never_raises_and_keeps_arguments_whole(facts: Facts) -> None:
    """Any facts give a plan or a refusal; an argv has the length it was declared with, and no smuggled option."""
    compiled = _rule("resolved")
    for planned in render_steps(compiled, facts):
        if argv := getattr(planned, "argv", ()):
            assert argv[:2] == ("/usr/bin/systemctl", "restart")
            assert len(argv) == 3
            assert not argv[2].startswith("-")
    assert len(limit_keys(compiled, facts)) == 3


PATTERNS = st.lists(
    st.text("ab.*+|()[]?", max_size=8).filter(_is_pattern) | st.sampled_from(["a", "ab.*", "(?i)AB", "[ab]+", ""]),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(PATTERNS, st.text("abAB\udc80", max_size=6))
def test_patterns_together_say_what_each_says_alone(patterns: list[str], text: str) -> None:
    """Asked at once, the patterns that match are those that match alone."""
    together = PatternSet(patterns).matching(text)

    assert sorted(together) == [number for number, pattern in enumerate(patterns) if matches(pattern, text)]


WORDS = st.sampled_from(
    re.split(
        r"\|",
        'test "t"|given:|expect:|alert "X"|node "host/a"|{|}|after|is|nothing|approval by|repeat: skip|while running|'
        'approve:|else page|except: window("|on recovery:|wait until|find(|count(|'
        'rule "a"|on event:|when:|then:|verify:|limit:|with:|run:|mode:|action "x"|metric m:|command "c":|execute(|'
        'notify("x")|)|(|[|]|{{|}}|,|AND|NOT|for|5m|95%|3|"|"x"|value|query(|==|=~|??|-|\n|#|in|ssh|stable|within|per|yes',
    )
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=40).map(" ".join) | st.text(max_size=60) | st.binary(max_size=40))
def test_compiling_never_raises(text: str | bytes) -> None:
    """Any text compiles or is refused with problems that point into it."""
    result = compile_files([Source("any.heal", text)], packs=False)

    errors = [problem for problem in result.problems if problem.severity == "error"]
    assert (result.ruleset is None) is bool(errors)
    for problem in result.problems:
        assert problem.line >= 1
        assert problem.column >= 1
    laid, _ = lay_out("any.heal", text)
    assert errors or laid is not None
    assert laid is None or lay_out("any.heal", laid)[0] == laid
