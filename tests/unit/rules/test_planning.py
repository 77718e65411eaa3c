"""What exactly would run where, and what is refused before anything runs."""

import msgspec
import pytest

from rules import Facts, PlannedNotice, PlannedStep, PlannedWait, Refusal, limit_keys, render_steps
from tests.unit.rules.build import FACTS, NOW, RACK, SECOND, rule, ruleset

RESTART = '  then: execute("restart_service", unit: labels.name, timeout: 45s, retry: 2)'


def _step(clauses: str, facts: Facts = FACTS) -> PlannedStep | PlannedNotice | PlannedWait | Refusal:
    (planned,) = render_steps(rule(clauses), facts)
    return planned


def _with_name(name: str) -> Facts:
    return msgspec.structs.replace(FACTS, labels={"name": name})


def test_a_step_is_planned_whole() -> None:
    """A planned step holds target, executor, argv, parameters and times, and nothing is left to decide."""
    step = _step(RESTART)

    assert isinstance(step, PlannedStep)
    assert step.argv == ("/usr/bin/systemctl", "restart", "nginx.service")
    assert step.observe[-1] == "nginx.service"
    assert (step.executor, step.target.id, step.timeout, step.retry) == ("ssh", "host/web-1", 45 * SECOND, 2)
    assert step.sentence == 'restart_service(unit: "nginx.service") on host/web-1'


@pytest.mark.parametrize(
    "name", ["-x", "--help", "a b", "a;reboot", "a\nb", "", "x" * 129, "$(id)", "é", "../x", "\ud800"]
)
def test_a_value_that_breaks_its_pattern_is_refused(name: str) -> None:
    """A hostile label never reaches an argv: the step is refused and says why."""
    step = _step(RESTART, _with_name(name))

    assert isinstance(step, Refusal)
    assert step.why.startswith("unit ")


def test_a_missing_label_is_refused() -> None:
    """A parameter that is unknown refuses the step."""
    step = _step(RESTART, msgspec.structs.replace(FACTS, labels={}))

    assert step == Refusal(position=0, step="restart_service", why="unit is unknown: the alert has no label name")


def test_no_value_becomes_an_option() -> None:
    """Even where a pattern allows a leading dash, no element turns into an option."""
    text = """
        action "show" run: ssh ["/bin/show", "{what}", "--name={what}"] with: what: string =~ ".*" changes: nothing
        rule "r" on event: "X" then: execute("show", what: labels.name)
    """
    (compiled,) = ruleset(text).rules

    (refused,) = render_steps(compiled, _with_name("--all"))
    (planned,) = render_steps(compiled, _with_name("all --x; y"))

    assert isinstance(refused, Refusal)
    assert refused.why == "'--all' would be read as an option"
    assert isinstance(planned, PlannedStep)
    assert planned.argv == ("/bin/show", "all --x; y", "--name=all --x; y")


def test_typed_parameters_in_an_argv() -> None:
    """Durations are written in seconds, sizes in bytes, whole numbers without a point, defaults filled in."""
    text = """
        action "t" run: ssh ["/bin/t", "{d}", "{b}", "{n}", "{y}", "{s}", "{p}"]
          with: d: duration from 1s to 1h, b: bytes, n: integer, y: boolean, s: string in ["a", "b"] = "b", p: percentage
        rule "r" on event: "X" then: execute("t", d: 1m30s, b: 2KiB, n: number("7"), y: yes, p: 12.5%)
    """
    (compiled,) = ruleset(text).rules
    (planned,) = render_steps(compiled, FACTS)

    assert isinstance(planned, PlannedStep)
    assert planned.argv == ("/bin/t", "90", "2048", "7", "true", "b", "0.125")


def test_run_command_runs_what_was_declared() -> None:
    """`run_command` takes the name of a declared command and runs that argv, nothing else."""
    text = """
        command "flush_dns": ["/usr/bin/resolvectl", "flush-caches"]
        rule "r" on event: "X" then: execute("run_command", command: "flush_dns")
    """
    (compiled,) = ruleset(text).rules
    (planned,) = render_steps(compiled, FACTS)

    assert isinstance(planned, PlannedStep)
    assert planned.argv == ("/usr/bin/resolvectl", "flush-caches")


def test_targets() -> None:
    """A step acts on exactly one node that its action accepts; none, several or another kind is refused."""
    clauses = '  then: execute("power_on", on: {})'

    planned = _step(clauses.format("node"))
    assert isinstance(planned, PlannedStep)
    assert (planned.target.id, planned.executor, planned.call) == ("host/web-1", "redfish", "power_on")
    for text, facts, why in (
        ("node", msgspec.structs.replace(FACTS, node=None), "no target: the incident has no node"),
        ("node", msgspec.structs.replace(FACTS, node=RACK), "rack/r1 is a rack, and power_on accepts host"),
    ):
        refused = _step(clauses.format(text), facts)
        assert isinstance(refused, Refusal)
        assert refused.why == why


def test_several_ancestors_are_no_target() -> None:
    """`nearest(kind)` with several equally near nodes is refused."""
    refused = _step('  then: execute("call_webhook", webhook: "w", on: nearest(zone))')

    assert isinstance(refused, Refusal)
    assert refused.why == "no target: several zones are equally near"


def test_notices_and_otherwise() -> None:
    """`notify` is planned with its channel; `otherwise` has its own steps."""
    compiled = rule('  then: notify("oncall")\n  otherwise: notify("lead")')

    assert render_steps(compiled, FACTS) == (PlannedNotice(position=0, to="oncall"),)
    assert render_steps(compiled, FACTS, clause="otherwise") == (PlannedNotice(position=0, to="lead"),)


def test_what_limits_count_by() -> None:
    """A limit counts by the value of its key for this incident; an unknown key is None and says why."""
    compiled = rule(
        "  limit: 1 per 30m per node, 3 per 1h per topology.rack, 2 per 1h per topology.zone, 5 per 1d per labels.env,"
        " at most 2 at a time per rule, 9 per 1h per action"
    )

    keys = limit_keys(compiled, msgspec.structs.replace(FACTS, now=NOW))

    assert [key.key for key in keys] == ["host/web-1", "r1", None, "prod", "r", ""]
    assert keys[2].why == "topology.zone is unknown: several zones are equally near"
    assert [(key.limit.form, key.limit.count, key.limit.window) for key in keys[:1]] == [("rate", 1, 1800 * SECOND)]
