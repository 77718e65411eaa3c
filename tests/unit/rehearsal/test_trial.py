"""`test` blocks, played by the real engine, guards, planner and runner: what passes, what fails, and what rules then do."""

from pathlib import Path

import pytest

from healer.rehearsal.trial import Tried, attempt
from rules import Source, compile_files

SEED = (Path(__file__).parent / "seed.heal").read_text(encoding="utf-8")

RESTART = """
rule "restart"
  on event: "ServiceDown"
  then: execute("restart_service", unit: labels.unit)
  verify: query("up") == 1 stable 1m within 10m
  limit: 100 per 1h per rule
  mode: auto
"""
NODE = """
test "t"
  given: node "host/a" {instance: "a"} below "rack/r1"
  given: alert "ServiceDown" {node: "host/a", unit: "api.service", severity: "critical"} from 0s to 20m
"""


def tried(text: str) -> list[Tried]:
    """The tests of a text that must compile."""
    compiled = compile_files([Source("mine.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    return [attempt(trial, compiled.ruleset) for trial in compiled.ruleset.tests]


def test_the_example_of_the_language_passes() -> None:
    """Approval, cordon, drain, reboot, the wait, and a node that is left alone: as the language's own example says."""
    assert [(one.trial.name, one.failures) for one in tried(SEED)] == [
        ("a dead staging node is rebooted, once approved", ()),
        ("a prod node is left alone", ()),
    ]


RULES = [
    (
        "",
        'given: query("up") is 0, 1 after 2m\n  expect: execute("restart_service") by "restart"\n  expect: outcome succeeded',
    ),
    ("", 'given: query("up") is 0\n  expect: outcome not_verified'),
    ("", 'given: execute("restart_service") fails\n  expect: outcome failed'),
    ("", 'expect: execute("restart_service", unit: "api.service")'),
    (
        '  otherwise: execute("collect_diagnostics") notify("oncall", escalate: yes)\n',
        'given: query("up") is 0\n  expect: execute("collect_diagnostics")\n  expect: notify("oncall")',
    ),
    (
        '  after success: execute("collect_diagnostics")\n',
        'given: query("up") is 1\n  expect: execute("collect_diagnostics")\n  expect: outcome succeeded',
    ),
    (
        '  after success: execute("collect_diagnostics")\n',
        'given: query("up") is 0\n  expect: no execute("collect_diagnostics")',
    ),
    (
        '  on recovery: execute("collect_diagnostics")\n',
        'given: query("up") is 1\n  expect: execute("collect_diagnostics") on "host/a"',
    ),
    (
        '  approve: "sre" within 5m else "lead" within 5m else page\n',
        'given: "lead" approves after 1m\n  expect: approval by "lead"\n  expect: execute("restart_service")',
    ),
    (
        '  approve: "sre" within 5m else page\n',
        'expect: approval by "sre"\n  expect: no execute("restart_service")\n  expect: outcome expired',
    ),
    (
        '  approve: "sre" within 5m\n',
        'given: "sre" rejects after 1m\n  expect: no execute("restart_service")\n  expect: outcome rejected',
    ),
    ('  approve: 2 of "sre" within 5m\n', 'given: "sre" approves after 1m\n  expect: no execute("restart_service")'),
    (
        '  approve: 2 of "sre" within 5m\n',
        'given: "sre" approves after 1m\n  given: "sre" approves after 2m\n  expect: execute("restart_service")',
    ),
    ('  except: calendar("freeze")\n', 'given: calendar "freeze" is busy\n  expect: nothing'),
    ('  except: calendar("freeze")\n', 'given: calendar "freeze" is free\n  expect: execute("restart_service")'),
    ('  except: calendar("freeze")\n', "expect: nothing"),
    ('  except: window("Fri 18:00 - Mon 08:00 UTC")\n', 'given: time "2026-01-10T10:00:00Z"\n  expect: nothing'),
    (
        '  except: window("09:00 - 10:05 UTC")\n',
        'given: time "2026-01-07T10:00:00Z"\n  expect: execute("restart_service")',
    ),
    ("  when: value > 3\n", 'given: value is 5\n  expect: execute("restart_service")'),
    ("  when: value > 3\n", "given: value is 2\n  expect: nothing"),
    ('  when: annotations.team == "dba"\n', 'given: annotations.team is "dba"\n  expect: execute("restart_service")'),
    ('  when: annotations.team == "dba"\n', 'given: annotations.team is "web"\n  expect: nothing'),
    ('  when: annotations.team == "dba"\n', "expect: nothing"),
    (
        '  after success: notify("dba", message: "{{ annotations.summary }}")\n',
        'given: annotations.summary is "slow"\n  given: query("up") is 1\n  expect: notify("dba")',
    ),
    (
        '  after success: notify("dba", message: "{{ annotations.summary }}")\n',
        'given: query("up") is 0\n  expect: no notify("dba")',
    ),
]


@pytest.mark.parametrize(("clauses", "lines"), RULES, ids=[str(number) for number in range(len(RULES))])
def test_a_clause_does_what_it_says(clauses: str, lines: str) -> None:
    """Each clause of a rule has, in a rehearsal, the effect that the language gives it."""
    (one,) = tried(f"{RESTART}{clauses}{NODE}  {lines}\n")

    assert one.failures == (), one.happened


@pytest.mark.parametrize(
    ("lines", "failure"),
    [
        ("expect: nothing", "expected nothing, and there was restart_service on host/a, by 'restart'"),
        ('expect: no execute("restart_service")', "line 13: expected no execute"),
        ('expect: approval by "sre"', "nobody asked sre"),
        ('expect: execute("restart_service") on "host/b"', 'expected execute("restart_service") on "host/b"'),
        ('expect: execute("restart_service", unit: "b.service")', 'expected execute("restart_service", unit'),
        ("expect: outcome rejected", "no remediation ended so"),
        ('expect: suggested execute("restart_service")', "expected suggested"),
    ],
)
def test_what_does_not_come_fails(lines: str, failure: str) -> None:
    """An expectation that is not met fails the test, with its line, and with what happened instead."""
    (one,) = tried(f'{RESTART}{NODE}  given: query("up") is 1\n  {lines}\n')

    assert len(one.failures) == 1
    assert failure in one.failures[0]
    assert any("restart_service on host/a" in line for line in one.happened)


def test_a_rule_that_only_suggests() -> None:
    """What a rule would do can be expected, although nothing is done."""
    (one,) = tried(
        RESTART.replace("mode: auto", "mode: suggest") + NODE + '  expect: suggested execute("restart_service")\n'
    )

    assert one.failures == ()
    assert "restart: suggested: mode: suggest" in one.happened


@pytest.mark.parametrize(
    ("mode", "expected", "instead"),
    [
        ("suggest", 'execute("restart_service")', "it was only suggested: expect suggested execute"),
        ("auto", 'suggested execute("restart_service")', "it was run, not only suggested"),
        (
            "auto",
            'execute("restart_service", unit: "b.service")',
            "there was restart_service(unit: api.service) on host/a",
        ),
        (
            "suggest",
            'suggested execute("restart_service") on "host/b"',
            "there was restart_service(unit: api.service) on host/a",
        ),
        ("auto", 'execute("reboot_node")', ""),
    ],
)
def test_what_came_nearest_is_said(mode: str, expected: str, instead: str) -> None:
    """A step that came in another way, or otherwise, is named beside the one that was expected."""
    text = f'{RESTART.replace("mode: auto", f"mode: {mode}")}{NODE}  given: query("up") is 1\n  expect: {expected}\n'
    ((failure,),) = (one.failures for one in tried(text))

    assert f"expected {expected}" in failure
    assert instead in failure
    assert bool(instead) is (", and " in failure)


def test_an_alert_without_a_node_is_noticed() -> None:
    """A test has no mappings: who wrote its alert without the label `node` reads why nothing was done."""
    (one,) = tried(RESTART + NODE.replace('node: "host/a"', 'instance: "a"') + '  expect: execute("restart_service")\n')

    assert not one.passed
    assert "its label `node` says on which" in one.happened[-1]


TWO = """
test "two racks"
  given: node "host/a" {instance: "a"} below "rack/r1"
  given: node "host/b" {instance: "b"} below "rack/r1"
  given: node "host/c" {instance: "c"} below "rack/r2"
  given: alert "ServiceDown" {node: "host/a", unit: "a.service", severity: "critical"} from 0s to 40m
  given: alert "ServiceDown" {node: "host/b", unit: "b.service", severity: "critical"} from 1m to 40m
  given: alert "ServiceDown" {node: "host/c", unit: "c.service", severity: "critical"} from 1m to 40m
  given: query("up") is 0, 1 after 5m
"""


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("repeat: skip while running per topology.rack", 'no execute("restart_service") on "host/b"'),
        ("repeat: skip while running per topology.rack", 'execute("restart_service") on "host/c"'),
        ("repeat: wait while running per topology.rack", 'execute("restart_service") on "host/b"'),
        ("repeat: skip beyond 1 per 1h per topology.rack", 'no execute("restart_service") on "host/b"'),
        ("repeat: ask beyond 1 per 1h per topology.rack", 'approval by "whoever is responsible"'),
        ("limit: at most 20% of siblings", 'no execute("restart_service") on "host/b"'),
    ],
)
def test_what_is_counted_by_rack(clause: str, expected: str) -> None:
    """Repetition and shares count what the rule names, and leave other racks alone."""
    rule = (
        RESTART.replace("limit: 100 per 1h per rule", clause)
        if clause.startswith("limit")
        else RESTART + f"  {clause}\n"
    )
    (one,) = tried(f"{rule}{TWO}  expect: {expected}\n")

    assert one.failures == (), one.happened


ASKS = """metric lag: duration = query("lag")
rule "look"
  on event: "Slow"
  when: {when}
  then: execute("collect_diagnostics")
  mode: auto
test "t"
  given: node "host/a"
  given: alert "Slow" {{node: "host/a", severity: "warning"}} from 0s to 50m
  given: lag is {lag}
  expect: {expected}
"""


@pytest.mark.parametrize(
    ("when", "lag", "expected"),
    [
        ("lag > 60s for 5m", "90s", 'execute("collect_diagnostics")'),
        ("lag > 60s for 5m", "90s, 1s after 3m, 90s after 4m, 1s after 8m", "nothing"),
        ("duration > 40m AND lag > 60s", "90s", 'execute("collect_diagnostics")'),
        ("lag > 60s", "1s, 90s after 35m", "nothing"),
    ],
)
def test_queries_are_asked_again_where_nothing_else_happens(when: str, lag: str, expected: str) -> None:
    """Every half minute, for half an hour from when a rule needs to know: what stands before `for` held throughout."""
    (one,) = tried(ASKS.format(when=when, lag=lag, expected=expected))

    assert one.failures == (), one.happened


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [('"failed", "active" after 2m', "succeeded"), ('"failed"', "not_verified"), ("unknown", "not_verified")],
)
def test_what_a_node_tells_verifies(answers: str, outcome: str) -> None:
    """A test gives the answer to a look by what people call it; no answer is no success."""
    look = 'state of restart_service(unit: \\"api.service\\") on host/a'
    text = (
        RESTART.replace('query("up") == 1 stable', 'state("restart_service", unit: labels.unit) == "active" stable')
        + NODE
        + f'  given: query("{look}") is {answers}\n  expect: outcome {outcome}\n'
    )
    (one,) = tried(text)
    assert one.failures == (), one.happened
