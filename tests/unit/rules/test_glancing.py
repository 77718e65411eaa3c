"""`state(...)`, `exit_code(...)` and `healthy(...)` of an object: what a node tells of itself, through what changes nothing."""

import msgspec
import pytest

from rules import OBJECT, Answer, NodeFact, Permission, Query, Source, Verdict, compile_files, evaluate
from rules.expressions import Expression
from tests.unit.rules.build import FACTS, HOST, problems, rule

HEAD = 'rule "r"\n  on event: "X"\n  then: notify("oncall")\n'


def verified_by(condition: str) -> Expression:
    return rule(f'  then: notify("oncall")\n  verify: {condition}').verify.condition


def asked(condition: str, node: NodeFact = HOST) -> tuple[Query, ...]:
    return evaluate(verified_by(condition), msgspec.structs.replace(FACTS, node=node)).needs


def says(condition: str, answer: Answer, after: int | None = None) -> Verdict:
    (need,) = asked(condition)
    known = msgspec.structs.replace(FACTS, answers={need.key: answer}, samples_after=after)
    return evaluate(verified_by(condition), known)


def test_a_look_is_an_argv_for_one_node() -> None:
    """What `observe:` declares, its parameters in their elements; where the node is, and what it has to prove there."""
    node = NodeFact("host/web-1", "web-1", "host", {"address": "10.0.0.1", "machine_id": "abc"})
    (need,) = asked('state("clean_disk", path: "/var") < 80%', node)

    assert need.of == "node"
    assert need.text == 'state of clean_disk(path: "/var") on host/web-1'
    assert need.look is not None
    assert need.look.argv[-1] == "/var"
    assert (need.look.executor, need.look.shows) == ("ssh", "disk")
    assert (need.look.node, need.look.address, need.look.identity) == ("host/web-1", "10.0.0.1", "abc")


@pytest.mark.parametrize(
    ("condition", "answer", "value"),
    [
        ('state("restart_service", unit: "a") == "active"', Answer(None, 7, text="active"), True),
        ('state("restart_service", unit: "a") == "active"', Answer(None, 7, text="failed"), False),
        ('state("restart_service", unit: "a") == "active"', Answer(why_unknown="it did not answer"), None),
        ('state("clean_disk", path: "/var") < 80%', Answer(0.7, 7), True),
        ('state("clean_disk", path: "/var") < 80%', Answer(0.9, 7), False),
        ('state("renew_lease", interface: "eth0") > 1h', Answer(3601.0, 7), True),
        ('state("kill_process", process: "java", user: "app") == 0', Answer(0.0, 7), True),
        ('exit_code("collect_diagnostics") == 0', Answer(0.0, 7, text="all is well"), True),
        ('exit_code("restart_service", unit: "a") == 0', Answer(3.0, 7), False),
        ('exit_code("collect_diagnostics") == 0', Answer(why_unknown="cut"), None),
    ],
)
def test_an_answer_decides(condition: str, answer: Answer, value: bool | None) -> None:
    """A state is typed by its kind, and no answer is no success."""
    assert says(condition, answer).value is value


@pytest.mark.parametrize("answer", [Answer(None, 7, text="active"), Answer(None, None, text="active")])
def test_what_was_so_before_the_effect_proves_nothing(answer: Answer) -> None:
    """Like a sample: it counts only when it was seen later."""
    condition = 'state("restart_service", unit: "a") == "active"'
    assert says(condition, answer, after=7).value is None
    assert says(condition, msgspec.structs.replace(answer, sampled_at=8), after=7).value is True


def test_what_it_said_is_told() -> None:
    """An exit code alone explains little."""
    assert (
        "(disk 3 is failing)"
        in says('exit_code("collect_diagnostics") == 0', Answer(2.0, 7, text="disk 3 is failing")).because[0]
    )


@pytest.mark.parametrize("hostile", ["-rf", "a b", "a\nb", "$(reboot)", "../x", "a;b", "\x00", "x" * 5000])
def test_a_parameter_that_breaks_its_pattern_is_not_asked(hostile: str) -> None:
    """Labels come from anybody: such a look is unknown, and nobody is asked."""
    condition = verified_by('state("restart_service", unit: labels.unit) == "active"')
    found = evaluate(condition, msgspec.structs.replace(FACTS, labels={"unit": hostile}))
    assert (found.value, found.needs) == (None, ())


def test_another_kind_of_node_is_not_asked() -> None:
    """An action says which kinds of node it takes."""
    found = evaluate(
        verified_by('exit_code("collect_diagnostics") == 0'),
        msgspec.structs.replace(FACTS, node=NodeFact("pod/a/b", "b", "pod")),
    )
    assert (found.value, found.needs) == (None, ())
    assert "accepts host or vm" in found.because[0]


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ('state("clean_disk", path: "/var") == "full"', "E0301"),
        ('state("clean_disk", path: "var") < 1%', "E0404"),
        ('state("collect_diagnostics") == "x"', "E0305"),
        ('exit_code("drain_node") == 0', "E0305"),
        ('exit_code("run_command", command: "x") == 0', "E0305"),
        ('state("nope") == "x"', "E0203"),
        ('state("restart_service") == "x"', "E0402"),
        ('state("restart_service", unit: 3) == "x"', "E0403"),
        ('state("restart_service", unit: "a", timeout: 3s) == "x"', "E0401"),
        ('state("restart_service", unit: "a", on: nearest(rack)) == "x"', "E0405"),
        ('state("restart_service", "a") == "x"', "E0305"),
        ("state() == 1", "E0305"),
        ("state(node) == 1", "E0305"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(condition: str, code: str) -> None:
    """When the rule is compiled; above all what would change something."""
    assert [one.code for one in problems(f"{HEAD}  verify: {condition}") if one.severity == "error"] == [code]


@pytest.mark.parametrize("clause", ["when", "except"])
def test_machines_are_looked_at_after_an_effect_only(clause: str) -> None:
    """A condition that is asked of every machine that matches, again and again, is no command's business."""
    text = f'{HEAD}  {clause}: exit_code("collect_diagnostics") == 0'
    assert [one.code for one in problems(text) if one.severity == "error"] == ["E0305"]


def test_a_step_may_wait_for_a_state() -> None:
    """`wait until` asks as `verify:` does."""
    text = 'rule "r"\n  on event: "X"\n  then: wait until state("restart_service", unit: "a") == "active" within 5m'
    assert [one for one in problems(text) if one.severity == "error"] == []


def test_a_folder_looks_through_its_own_actions_at_its_own_nodes() -> None:
    """What it may not run it may not look through, and what it may not touch it may not look at."""
    text = HEAD + '  verify: state("restart_service", unit: "a") == "active"'

    def under(permission: Permission) -> Verdict | str:
        found = compile_files([Source("team/mine.heal", text)], packs=False, permissions=[permission])
        if found.ruleset is None:
            return found.problems[0].code
        return evaluate(found.ruleset.rules[0].verify.condition, FACTS)

    assert under(Permission(path="team/", actions=("clean_disk",))) == "E0210"
    other = under(Permission(path="team/", nodes=('owner="team-b"',)))
    assert isinstance(other, Verdict)
    assert (other.value, other.needs) == (None, ())
    own = under(Permission(path="team/", nodes=('owner="team-a"',)))
    assert isinstance(own, Verdict)
    assert len(own.needs) == 1


def test_a_rule_depends_on_what_it_looks_through() -> None:
    """Another command under the same name makes another version of the rule: plans that were agreed to are void."""

    def version(argument: str) -> str:
        action = f'action "check"\n  run: ssh ["/bin/check", "{argument}"]\n  accepts: host\n  changes: nothing\n'
        found = compile_files([Source("mine.heal", action + HEAD + '  verify: exit_code("check") == 0')], packs=False)
        assert found.ruleset is not None, found.problems
        return found.ruleset.rules[0].version

    assert version("a") == version("a")
    assert version("a") != version("b")


def test_the_health_of_an_object_is_its_status() -> None:
    """Where no query is given for its kind, and its cluster can be asked."""
    pod = NodeFact("pod/shop/cart-1", "cart-1", "pod", {"uid": "u1"})
    facts = msgspec.structs.replace(FACTS, node=pod, health={"pod": OBJECT})
    condition = verified_by("healthy(node)")
    (need,) = evaluate(condition, facts).needs
    assert need.look is not None
    assert (need.look.executor, need.look.node, need.look.identity) == ("kubernetes", pod.id, "u1")

    def value(answer: Answer) -> bool | None:
        return evaluate(condition, msgspec.structs.replace(facts, answers={need.key: answer}, samples_after=7)).value

    assert value(Answer(1.0, 8)) is True
    assert value(Answer(0.0, 8, text="pod cart-1 is Running, not ready")) is False
    assert value(Answer(1.0, 7)) is None
    assert value(Answer(why_unknown="no answer")) is None
