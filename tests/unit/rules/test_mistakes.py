"""Every kind of mistake is told once, with its code, at its line and column."""

import pytest

from rules import CODES, FEATURES, Permission, Source, compile_files, format_problem
from tests.unit.rules.build import problems

_RULE = 'rule "r"\n  on event: "X"\n'
_THEN = '  then: notify("oncall")\n'


def _when(condition: str) -> str:
    return f"{_RULE}  when: {condition}\n{_THEN}"


def _then(step: str) -> str:
    return f"{_RULE}  then: {step}\n"


def _with(clause: str) -> str:
    return f"{_RULE}{_THEN}  {clause}\n"


def _action(clauses: str) -> str:
    return f'action "a"\n  {clauses}\n'


_LISTENER = 'rule "r" on event: "X" then: notify("oncall")\n'


def _test(line: str) -> str:
    """A test with one more line, its fifth, before a rule that it is about."""
    return f'test "t"\n  given: alert "X"\n  expect: notify("oncall")\n\n  {line}\n{_LISTENER}'


_OPPOSING = """\
rule "cordon"
  on event: "A" then: execute("cordon_node")
  mode: auto

rule "uncordon"
  on event: "B" then: execute("uncordon_node")
  mode: auto
"""

# text, code, line, column: one mistake each
MISTAKES = [
    (_when("suppressed & 3"), "E0101", 3, 20),
    (_when("suppressed >"), "E0101", 3, 21),
    (_when("(suppressed > 3"), "E0101", 3, 24),
    (_when("suppressed > 95 %"), "E0101", 3, 25),
    (_when("suppressed = 3"), "E0101", 3, 20),
    (_when("severity is critical"), "E0101", 3, 18),
    (_when("alertname =~ /web.*/"), "E0101", 3, 22),
    (_then('notify("oncall"), notify("shop")'), "E0101", 3, 25),
    (_then('- notify("oncall")'), "E0101", 3, 9),
    (_then('run("restart_service")'), "E0101", 3, 9),
    (_with('approve: "sre" within 15 minutes'), "E0101", 4, 28),
    (_test('given: alert "Y" {} for 1h'), "E0101", 5, 23),
    (_test('given: query "up" is 1'), "E0101", 5, 16),
    ("hello world\n", "E0101", 1, 1),
    ('rule "r" hello\n  on event: "X"\n' + _THEN, "E0101", 1, 10),
    (_when('alertname == "X'), "E0102", 3, 22),
    ('rule "r"\n  on evnt: "X"\n' + _THEN, "E0104", 2, 3),
    (_RULE + '  thne: notify("x")\n', "E0104", 3, 3),
    (_RULE + "  whne: suppressed > 3\n" + _THEN, "E0104", 3, 3),
    (_RULE + "  if: suppressed > 3\n" + _THEN, "E0104", 3, 3),
    (_RULE + '  do: notify("oncall")\n', "E0104", 3, 3),
    (_with("idempotent: yes"), "E0104", 4, 3),
    (_action('run: ssh ["/bin/x"]\n  mode: auto'), "E0104", 3, 3),
    (_with('then: notify("b")'), "E0105", 4, 3),
    ('rule "r"\n' + _THEN, "E0106", 1, 6),
    ('rule "r"\n  on event: "X"\n', "E0106", 1, 6),
    ('action "a"\n  accepts: host\n', "E0106", 1, 8),
    (f'on event: "X"\n{_THEN}rule "r"\n  on event: "Y"\n{_THEN}', "E0107", 1, 1),
    (_when("(" * 70 + "suppressed > 3" + ")" * 70), "E0108", 3, 16),
    (_when(" AND ".join(["suppressed > 3"] * 4000)), "E0108", 1, 6),
    (_when("duration > 30m1h"), "E0109", 3, 20),
    (_when("duration > 30x"), "E0109", 3, 20),
    (_when("duration > 15min"), "E0109", 3, 20),
    (_when("duration > 5m5m"), "E0109", 3, 20),
    (_with("limit: 1 per 30 per node"), "E0109", 4, 16),
    (f"{_RULE}{_THEN}{_RULE}{_THEN}", "E0110", 4, 6),
    ('metric m: number = query("a")\nmetric m: number = query("b")\n', "E0110", 2, 8),
    ('metric duration: number = query("a")\n', "E0110", 1, 8),
    ('command "c": ["/bin/x"]\ncommand "c": ["/bin/y"]\n', "E0110", 2, 1),
    (_when("1 < suppressed < 3"), "E0111", 3, 24),
    (_when("cpu_laod > 95%"), "E0201", 3, 9),
    (_when('lables.env == "x"'), "E0201", 3, 9),
    (_when('labels.env == "prod" and env == "x"'), "E0201", 3, 34),
    (_when("knwon(suppressed)"), "E0202", 3, 9),
    (_then('execute("restrt_service")'), "E0203", 3, 17),
    (_action('run: ssh ["/bin/x"]\n  undo: execute("nothing")'), "E0203", 3, 3),
    (_then('execute("run_command", command: "x")'), "E0204", 3, 41),
    (_then('execute("run_command", command: labels.x)'), "E0204", 3, 41),
    (_when("query(\"up{a='{{ lables.x }}'}\") == 1"), "E0201", 3, 22),
    (_when("query(\"up{a='{{ x }}'}\") == 1"), "E0206", 3, 22),
    (_when("query(\"up{a='{{ node }}'}\") == 1"), "E0206", 3, 22),
    (_when("query(\"up{a='{{ a b }}'}\") == 1"), "E0206", 3, 22),
    ('metric m: percent = query("a")\n', "E0207", 1, 11),
    (_action('run: ssh ["/bin/x", "{p}"]\n  with: p: text'), "E0207", 3, 12),
    (_when('"5" > 3'), "E0301", 3, 9),
    (_when("duration > 30"), "E0301", 3, 9),
    (_when('severity >= "critical"'), "E0301", 3, 9),
    (_when('kind == "host"'), "E0301", 3, 9),
    (_when("labels.port > 80"), "E0301", 3, 9),
    (_when('labels.env > "a"'), "E0301", 3, 9),
    (_when("node == node"), "E0301", 3, 9),
    (_when('suppressed =~ "3"'), "E0301", 3, 9),
    (_when('labels.env in ["a", 3]'), "E0301", 3, 9),
    (_when('suppressed ?? "x" == 3'), "E0301", 3, 9),
    (_when("disk_used > 90"), "E0302", 3, 9),
    (_when("load > 95%"), "E0302", 3, 9),
    (_when("suppressed"), "E0303", 3, 9),
    (_when("NOT suppressed"), "E0303", 3, 13),
    (_when("resolved AND labels.env"), "E0303", 3, 22),
    (_when("duration + 3 > 5m"), "E0304", 3, 9),
    (_when("-labels.env == 3"), "E0304", 3, 9),
    (_when("number(suppressed) > 3"), "E0305", 3, 16),
    (_when("query(labels.x) > 3"), "E0305", 3, 15),
    (_when('query("up{a=\'x}") > 3'), "E0305", 3, 16),
    (_when("known(suppressed, suppressed)"), "E0305", 3, 9),
    (_when('labels.env in "a"'), "E0305", 3, 23),
    (_when("[suppressed]"), "E0305", 3, 9),
    (_when('healthy("x")'), "E0305", 3, 17),
    ('rule "r"\n  on event: "X("\n' + _THEN, "E0306", 2, 13),
    (_when('labels.env =~ "(?=a)"'), "E0306", 3, 23),
    (_when('query("up{a={{ labels.x }}}") == 1'), "E0307", 3, 21),
    (_when('query("up{a=`{{ labels.x }}`}") == 1'), "E0307", 3, 22),
    (_when("query(\"up{{ labels.x }}{a='b'}\") == 1"), "E0307", 3, 18),
    (_then('execute("restart_service", unit: "a", x: 3)'), "E0401", 3, 47),
    (_then('notify("x", escalte: yes)'), "E0401", 3, 21),
    (_then('execute("restart_service", unt: "a.service")'), "E0401", 3, 36),
    (_then('execute("restart_service")'), "E0402", 3, 9),
    (_then('notify("")'), "E0402", 3, 16),
    (_then('execute("scale", replicas: "3")'), "E0403", 3, 36),
    (_then('execute("reboot_node", timeout: 45)'), "E0403", 3, 41),
    (_then('execute("reboot_node", retry: 1h)'), "E0403", 3, 39),
    (_then('execute("restart_service", unit: "a;b")'), "E0404", 3, 42),
    (_then('execute("restart_service", unit: "-a")'), "E0404", 3, 42),
    (_then('execute("scale", replicas: 2.5)'), "E0404", 3, 36),
    (_then('execute("scale", replicas: 100000)'), "E0404", 3, 36),
    (_then('execute("reboot_node", timeout: 9h)'), "E0404", 3, 41),
    (_then('execute("reboot_node", on: nearest(rack))'), "E0405", 3, 32),
    (_action('run: ssh ["systemctl"]'), "E0406", 2, 13),
    (_action('run: ssh ["/bin/x", "{p}"]'), "E0406", 2, 23),
    (_action('run: ssh ["/bin/x", "{p}"]\n  with: p: string'), "E0406", 2, 23),
    (_action('run: ssh ["/bin/x", "{{ labels.x }}"]'), "E0406", 2, 23),
    (_action('run: ssh ["/bin/x"]\n  with: p: integer'), "E0406", 3, 9),
    (_action('run: shh ["/bin/x"]'), "E0406", 2, 8),
    (_action('run: kubernetes ["/bin/x"]'), "E0406", 2, 8),
    (_action('run: ssh ["/bin/x", "{on}"]\n  with: on: integer'), "E0406", 3, 9),
    (_action('run: ssh ["/bin/x"]\n  changes: nothing\n  destructive: yes'), "E0406", 4, 3),
    (_action('run: ssh ["/bin/x"]\n  timeout: 2h\n  hard timeout: 1h'), "E0406", 3, 3),
    (f'{_RULE}  then: execute("reboot_node")\n  verify: resolved\n', "E0501", 4, 11),
    (f'{_RULE}  then: execute("reboot_node")\n  verify: resolved OR disk_used < 9%\n', "E0501", 4, 11),
    (f'{_RULE}  then: execute("delete_pod")\n  verify: status == "resolved"\n', "E0501", 4, 11),
    (_with("verify: true"), "E0502", 4, 11),
    (_with("verify: resolved stable 10m within 5m"), "E0502", 4, 11),
    (_with("mode: atuo"), "E0503", 4, 9),
    (_with("limit: 1 per 400d per node"), "E0503", 4, 10),
    (_with("limit: 0 per 30m per node"), "E0503", 4, 10),
    (_with("limit: 1 per 30m per country"), "E0503", 4, 24),
    (_with("priority: 2000"), "E0503", 4, 13),
    ('rule ""\n  on event: "X"\n' + _THEN, "E0503", 1, 6),
    (_when("rate(suppressed, 5m) > 3"), "E0305", 3, 14),
    (_when("rate(load) > 3"), "E0305", 3, 9),
    (_when("rate(load, 5) > 3"), "E0305", 3, 20),
    (_when("rate(load, 5ms) > 3"), "E0305", 3, 9),
    (_when("forecast(load, 1h, 6) > 3"), "E0305", 3, 28),
    (_when("count(suppressed) > 3"), "E0305", 3, 15),
    (_when('ancestors("rack") == 3'), "E0305", 3, 19),
    (_when("alerting(suppressed)"), "E0305", 3, 18),
    (_when("is_ancestor(node)"), "E0305", 3, 9),
    (_when("changed_within(5)"), "E0305", 3, 24),
    (_when("window(labels.x)"), "E0305", 3, 16),
    (_when("calendar(labels.x)"), "E0305", 3, 18),
    (_when("healthy(find(kind: host))"), "E0305", 3, 17),
    (_when("healthy(find(host))"), "E0305", 3, 22),
    (_when("healthy(find(kind: host, alias: 3))"), "E0305", 3, 41),
    (_when('healthy(find(kind: "host", alias: labels.x))'), "E0205", 3, 28),
    (_when("find(alias: labels.x) == node"), "E0305", 3, 9),
    (_when("suppressed in ancestors(rack)"), "E0301", 3, 9),
    (_when("labels.x in alerting(node)"), "E0305", 3, 21),
    (_with('except: window("Fri 18:00")'), "E0507", 4, 18),
    (_with('except: window("Fry 18:00 - Mon 08:00 UTC")'), "E0507", 4, 18),
    (_with('except: window("Fri 25:00 - Mon 08:00 UTC")'), "E0507", 4, 18),
    (_with('except: window("Fri 18:00 - Fri 18:00 UTC")'), "E0507", 4, 18),
    (_with('except: window("18:00 - 18:00 UTC")'), "E0507", 4, 18),
    (_with('except: window("18:00 - 20:00 Asia/Atlantis")'), "E0507", 4, 18),
    (_with("except: duration"), "E0303", 4, 11),
    (_with("limit: at most 0% of siblings"), "E0503", 4, 10),
    (_with("limit: at most 3 of siblings"), "E0109", 4, 18),
    (_with("repeat: skip while waiting per node"), "E0101", 4, 16),
    (_with("repeat: ask while running per node"), "E0503", 4, 11),
    (_with("repeat: wait beyond 3 per 1h per node"), "E0503", 4, 11),
    (_with("repeat: skip beyond 2.5 per 1h per node"), "E0503", 4, 11),
    (_with("repeat: skip after success within 0s per node"), "E0503", 4, 11),
    (_with("repeat: skip while running per country"), "E0503", 4, 34),
    (_with("repeat: again after 0s"), "E0503", 4, 23),
    (_with("approve: page\n  mode: auto"), "E0503", 4, 12),
    (_with('approve: "sre" within 0s\n  mode: auto'), "E0503", 4, 12),
    (_with('approve: "" within 5m\n  mode: auto'), "E0503", 4, 12),
    (_with('approve: 99 of "sre" within 5m\n  mode: auto'), "E0503", 4, 12),
    (_with("approve: sre within 5m\n  mode: auto"), "E0503", 4, 12),
    (_with('approve: page else "sre"\n  mode: auto'), "E0503", 4, 12),
    (_with("allow: everything"), "E0503", 4, 10),
    (_with("allow: storm, storm"), "E0110", 4, 17),
    (f'{_RULE}  then: execute("power_on")\n  mode: auto\n', "E0504", 4, 3),
    (_then('notify("x", message: 3)'), "E0403", 3, 30),
    (_then('notify("x", escalate: "yes")'), "E0403", 3, 31),
    (_then("wait until yes stable 1m within 5m"), "E0502", 3, 20),
    (_then("wait until resolved stable 10m within 5m"), "E0502", 3, 20),
    (_test('given: node "web-1"'), "E0508", 5, 15),
    (_test('given: node "host/a" below "rack"'), "E0508", 5, 30),
    (_test('given: node "host/a" below "host/a"'), "E0508", 5, 10),
    (_test('given: node "host/a"\n  given: node "host/a"'), "E0110", 6, 15),
    (_test('given: time "yesterday"'), "E0508", 5, 15),
    (_test('given: time "2026-01-07T10:00:00"'), "E0508", 5, 15),
    (_test('given: time "2026-01-07T10:00:00Z"\n  given: time "2026-01-07T11:00:00Z"'), "E0508", 6, 10),
    (_test('given: calendar "x" is closed'), "E0508", 5, 26),
    (_test('given: alert "X" from 5m to 1m'), "E0508", 5, 10),
    (_test('given: alert "X" {alertname: "Y"}'), "E0110", 5, 10),
    (_test('given: alert "X" {a: "1", a: "2"}'), "E0110", 5, 29),
    (_test('given: query("up") is 1, 2'), "E0508", 5, 28),
    (_test('given: query("up") is yes'), "E0508", 5, 25),
    (_test("given: disk_used is 90"), "E0508", 5, 23),
    (_test("given: dsk_used is 90%"), "E0201", 5, 10),
    (_test('given: query("up") is nothing'), "E0101", 5, 25),
    (_test('given: execute("nothing") fails'), "E0203", 5, 18),
    (_test('given: node "host/a" {instance: 3}'), "E0101", 5, 35),
    (_test('expect: execute("restrt_service")'), "E0203", 5, 19),
    (_test('expect: execute("scale", replicas: "3")'), "E0403", 5, 28),
    (_test('expect: execute("scale", replicsa: 3)'), "E0401", 5, 28),
    (_test('expect: execute("scale", replicas: load)'), "E0508", 5, 28),
    (_test("expect: outcome healed"), "E0508", 5, 19),
    (_test("expect: approval"), "E0101", 5, 11),
    (_test("expect: nothing"), "E0508", 1, 6),
    (_test("when: yes"), "E0104", 5, 3),
    ('test "t"\n  expect: nothing\n' + _LISTENER, "E0106", 1, 6),
    ('test "t"\n  given: alert "X"\n' + _LISTENER, "E0106", 1, 6),
    ('test "t"\n  given: time "2026-01-07T10:00:00Z"\n  expect: nothing\n', "E0508", 1, 6),
    (_test("") + 'test "t"\n  given: alert "X"\n  expect: nothing\n', "E0110", 7, 6),
    (_OPPOSING, "E0506", 5, 1),
    (_action('run: ssh ["/bin/x"]\n  undo: execute("restart_service")'), "E0406", 3, 3),
    (_action('run: ssh ["bin/x"]') + _then('execute("a")'), "E0406", 2, 13),
    ('metric m: percent = query("a")\n' + _when("m > 3"), "E0207", 1, 11),
    ('command "c": ["x"]\n' + _then('execute("run_command", command: "c")'), "E0406", 1, 15),
    (_action('run: ssh ["/bin/x", "{q}"]\n  with: p: string =~ "a"'), "E0406", 2, 23),
    (_test('expect: execute("scale", replicas: 5000)'), "E0404", 5, 28),
    (_test("given: annotations.x is 3"), "E0508", 5, 27),
    (_when("duration"), "E0303", 3, 9),
    (_with("limit: 3 per hour per node"), "E0101", 4, 16),
    (_then("notify(oncall)"), "E0101", 3, 16),
    ('rule "r"\n  on event: "X",\n' + _THEN, "E0101", 2, 17),
    (_when("node"), "E0303", 3, 9),
    (_with("limit: at most 20% of siblings"), "E0601", 4, 10),
    (_then('notify("x", escalate: yes)'), "E0601", 3, 21),
    (_then('notify("x", message: "it broke")'), "E0601", 3, 21),
    (_when("query(\"up{a='{{ annotations.x }}'}\") == 1"), "E0602", 3, 22),
    (_with("verify: resolved for 5m within 15m"), "E0601", 4, 11),
    (_with("repeat: skip while running per node"), "E0601", 4, 3),
    (_with('approve: "sre" within 10m else page'), "E0601", 4, 3),
    (_with('except: window("Fri 18:00 - Mon 08:00 UTC")'), "E0601", 4, 3),
    (_with("allow: unfenced, storm"), "E0601", 4, 3),
    (_with('after success: notify("oncall")'), "E0601", 4, 3),
    (_with('on recovery: notify("oncall")'), "E0601", 4, 3),
    (_then("wait until resolved stable 1m within 5m"), "E0601", 3, 9),
    (_when("burn_rate > 3"), "E0602", 3, 9),
    (_when("value > 3"), "E0602", 3, 9),
    (_when("siblings > 3"), "E0602", 3, 9),
    (_when("confidence > 80%"), "E0602", 3, 9),
    (_when('annotations.summary == "x"'), "E0602", 3, 9),
    (_when('annotations["summary"] == "x"'), "E0602", 3, 9),
    (_when("healthy(owner)"), "E0602", 3, 17),
    (_then('execute("reboot_node", on: owner)'), "E0602", 3, 36),
    (_when('change.kind == "x"'), "E0602", 3, 9),
    (_when("changed_within(5m)"), "E0602", 3, 9),
    (_when("alerting(node)"), "E0602", 3, 9),
    (_when("count(descendants(host)) > 3"), "E0602", 3, 15),
    (_then('execute("reboot_node", on: find(alias: labels.x))'), "E0602", 3, 36),
    (_when("cpu_load > 95%").replace('"X"', '"NodeDown"'), "W0201", 3, 9),
    (_when('labels.env != "prod"'), "W0202", 3, 9),
    (_when('labels.env !~ "prod.*"'), "W0202", 3, 9),
    (f'{_RULE}{_THEN}rule "s"\n  on event: "X"\n{_THEN}', "W0203", 4, 1),
    (_then('execute("clean_disk")'), "W0204", 3, 3),
    (_when("1 > 2"), "W0205", 3, 9),
    (_when("duration > 5m AND duration < 1m"), "W0205", 3, 9),
    (_when("severity >= critical AND severity < error"), "W0205", 3, 9),
    (_when("kind == host AND kind == pod"), "W0205", 3, 9),
    (_when('labels.env == "prod" AND labels.env =~ "stag.*"'), "W0205", 3, 9),
    (_when("disk_used > 90% AND 80% >= disk_used"), "W0205", 3, 9),
    (_when("kind in [host] AND (kind == pod OR kind == vm) AND kind in [pod]"), "W0205", 3, 9),
    (_when("labels.env in []"), "W0205", 3, 9),
    (_when('root_is == "drect"'), "W0205", 3, 9),
    ('action "restart_service"\n  run: ssh ["/bin/x"]\n', "W0206", 1, 8),
    (
        f'{_RULE}  then: execute("clean_disk")\n  verify: resolved\n  limit: 1 per 1h per node\n  mode: auto\n',
        "W0207",
        6,
        3,
    ),
    (_with('approve: "sre" within 10m else page'), "W0208", 4, 3),
    ('test "t"\n  given: alert "Y"\n  expect: nothing\n' + _LISTENER, "W0209", 1, 1),
    (_test('expect: execute("reboot_node")'), "W0210", 5, 3),
    (_test('expect: notify("nobody")'), "W0210", 5, 3),
    (_with("limit: 1 per 1h per node, 3 per 30m per node"), "W0211", 4, 29),
    (_with("limit: 2 per 1h per node, 2 per 1h per node"), "W0211", 4, 29),
    (_with("limit: at most 2 at a time per rule, at most 1 at a time per rule"), "W0211", 4, 10),
    (_with("limit: at most 20% of siblings, at most 30% of siblings"), "W0211", 4, 35),
]
ELSEWHERE = {"E0103", "E0205", "E0208", "E0209", "E0210", "E0505"}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"), MISTAKES, ids=[f"{m[1]}-{n}" for n, m in enumerate(MISTAKES)]
)
def test_one_mistake_is_one_problem_at_its_place(text: str, code: str, line: int, column: int) -> None:
    """A text with one mistake yields exactly one problem, with its code, line and column."""
    lacks = FEATURES if code.startswith("E06") else ()
    told = problems(text, lacks)

    assert [(problem.code, problem.line, problem.column) for problem in told] == [(code, line, column)], [
        format_problem(problem) for problem in told
    ]


def test_every_code_has_a_mistake() -> None:
    """No code is documented that no text can cause."""
    assert set(CODES) == {code for _, code, _, _ in MISTAKES} | ELSEWHERE


def test_text_that_is_not_utf8() -> None:
    """A file that is not UTF-8 is refused, and says at which byte."""
    result = compile_files([Source("bad.heal", b'rule "\xff"')])

    assert [(p.code, p.message) for p in result.problems] == [("E0103", "the file is not UTF-8 text at byte 6")]
    assert result.ruleset is None


def test_file_too_large() -> None:
    """A file above 1 MB is refused unread."""
    result = compile_files([Source("big.heal", "#" * 1_000_001)])

    assert [problem.code for problem in result.problems] == ["E0108"]


def test_unknown_kind() -> None:
    """Where the kinds of node are known, another word is refused and the nearest kind named."""
    text = _when('topology.blade_centre == "b1"')

    result = compile_files([Source("x.heal", text)], packs=False, kinds=frozenset({"blade_center", "host"}))

    assert [(p.code, p.line, p.column, p.hint) for p in result.problems] == [
        ("E0205", 3, 9, "did you mean `blade_center`?")
    ]


def test_unknown_channel() -> None:
    """Where the channels are known, `notify` to another one is refused and the nearest named."""
    result = compile_files([Source("x.heal", _then('notify("onkall")'))], packs=False, channels=("oncall", "team"))

    assert [(p.code, p.line, p.column, p.hint) for p in result.problems] == [("E0208", 3, 16, "did you mean `oncall`?")]


def test_unknown_calendar() -> None:
    """Where the calendars are known, another one is refused and the nearest named."""
    text = _with('except: calendar("cn-freze")')

    result = compile_files([Source("x.heal", text)], packs=False, calendars=("cn-freeze",))

    assert [(p.code, p.line, p.column, p.hint) for p in result.problems] == [
        ("E0209", 4, 20, "did you mean `cn-freeze`?")
    ]


def test_what_a_folder_may_not_do() -> None:
    """An action and a mode that the folder's owner was not given are refused, and both limits are said."""
    text = f'{_RULE}  then: execute("reboot_node")\n  mode: auto\n  approve: "a"\n  limit: 1 per 1h per node\n'
    text += "  verify: resolved AND healthy(target)\n"
    permission = Permission(path="rules/team-a", owner="team-a", actions=("restart_service",), mode_at_most="approve")

    inside = compile_files([Source("rules/team-a/x.heal", text)], packs=False, permissions=[permission])
    outside = compile_files([Source("rules/team-ab/x.heal", text)], packs=False, permissions=[permission])

    assert [(p.code, p.line, p.message) for p in inside.problems] == [
        ("E0210", 3, "rules of team-a may not use reboot_node"),
        ("E0505", 4, "rules of team-a go to mode approve at most"),
    ]
    assert outside.problems == ()


def test_all_mistakes_of_all_files_at_once() -> None:
    """Mistakes in several clauses, rules and files are all told in one go, in the order of the text."""
    one = f'{_RULE}  when: duration >\n  then: execute("nothing")\n  mode: atuo\nrule "s"\n  on event: "Y"\n  then: notfy("x")\n'
    two = _when("duraton > 3s")

    result = compile_files([Source("one.heal", one), Source("two.heal", two)], packs=False)

    assert [(p.path, p.line, p.code) for p in result.problems] == [
        ("one.heal", 3, "E0101"),
        ("one.heal", 4, "E0203"),
        ("one.heal", 5, "E0503"),
        ("one.heal", 8, "E0101"),
        ("two.heal", 3, "E0201"),
    ]


def test_an_open_bracket_hides_no_clause() -> None:
    """A bracket that is never closed is one mistake, and the clauses after it are still read."""
    text = f'{_RULE}  then: notify("x"\n  verify: valeu > 3\n'

    assert [(p.line, p.code) for p in problems(text)] == [(3, "E0101"), (4, "E0201")]


def test_problems_end_at_a_hundred() -> None:
    """A file full of mistakes yields a hundred problems and one line that says so."""
    text = _RULE + _THEN + "  when: " + " AND ".join(f"x{n} > 1" for n in range(500))

    found = problems(text)

    assert len(found) == 101
    assert found[-1].code == "E0108"


def test_a_problem_reads_like_a_compilers() -> None:
    """A problem shows file, line, column, the line with a caret under the mistake, and the nearest name."""
    (problem,) = problems(_when("cpu_laod > 95%"))

    assert format_problem(problem) == (
        "rules/mine.heal:3:9: error[E0201]: `cpu_laod` is not a name of the language, nor a metric\n"
        "      when: cpu_laod > 95%\n"
        "            ^^^^^^^^\n"
        "  hint: did you mean `cpu_load`?"
    )


def test_a_percentage_against_a_number_shows_both_spellings() -> None:
    """`disk_used > 90` says what was probably meant and what was written."""
    (problem,) = problems(_when("disk_used > 90"))

    assert problem.hint == "write `90%` where percent is meant; `90` alone would be 9000%"


def test_a_hostile_line_is_shown_tamely() -> None:
    """What a terminal would obey is not printed, and of a very long line only the part around the mistake."""
    (problem,) = problems(_RULE + _THEN + '  when: alertname == "' + "\x1b[31m" + "x" * 5000 + '" AND valeu > 3')

    shown = format_problem(problem)

    assert "\x1b" not in shown
    assert len(shown) < 1000
    assert "valeu" in shown
