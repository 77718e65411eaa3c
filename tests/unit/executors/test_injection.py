"""Ten thousand hostile values for each string parameter of each action: none reaches a machine as anything but data."""

import random
import re
from collections.abc import Iterator

import pytest

from healer.executors.target import Order
from healer.executors.typed import read, written
from healer.executors.wrapper import Unsendable, request
from rules import Action, Facts, NodeFact, PlannedStep, Refusal, Source, compile_files, render_steps
from rules.units import Type

PIECES = (
    *(
        "'",
        '"',
        "`",
        "$(id)",
        "${IFS}",
        "$HOME",
        ";id",
        "|id",
        "&&id",
        "&",
        ">/etc/passwd",
        "<",
        "\\",
        "\n",
        "\r",
        "\0",
        "\t",
    ),
    *(
        "-",
        "--",
        "-rf",
        "--help",
        "--eval=id",
        "..",
        "../",
        "/../etc",
        "/",
        "//",
        "~",
        "*",
        "?",
        "[a]",
        "{a,b}",
        "%s",
        "%n",
    ),
    *(
        "{{ labels.x }}",
        "{unit}",
        "{% if %}",
        "#{id}",
        "<name>",
        "\u202e",
        "\u2028",
        "\ud800",
        "\x1b[2J",
        "\xa0",
        "é",
        "ﬁ",
        "𝕒",
    ),
    *(
        "shop.service",
        "eth0",
        "/var/tmp",
        "/etc/logrotate.conf",
        "root",
        "TERM",
        "a",
        "1",
        "0" * 64,
        " ",
        "",
        "=",
        ":",
        "@",
        ",",
    ),
)
NODE = NodeFact(id="host/web-1", name="web-1", kind="host")


def hostile(seed: str, count: int) -> Iterator[str]:
    """Values by chance, the same ones for the same seed, and one of a megabyte."""
    chance = random.Random(seed)
    yield "x" * (1 << 20)
    for _ in range(count - 1):
        yield "".join(chance.choices(PIECES, k=chance.randint(1, 5)))


def parameters(*, calls: bool) -> list[tuple[Action, str]]:
    """Every string parameter of every action that ends in a typed call, or else in an argv."""
    compiled = compile_files([], packs=False)
    assert compiled.ruleset is not None
    return [
        (action, parameter.name)
        for action in compiled.ruleset.actions.values()
        for parameter in action.parameters
        if parameter.type is Type.STRING and (action.run.call if calls else action.run.argv)
    ]


PARAMETERS = parameters(calls=False)
GOOD = {"unit": "a.service", "process": "a", "user": "a", "interface": "a", "signal": "TERM"}


@pytest.mark.parametrize(("action", "name"), PARAMETERS, ids=lambda each: getattr(each, "name", each))
def test_hostile_values_stay_data(action: Action, name: str) -> None:
    """A value is refused, or it is one part of one element, unchanged, and the request that carries it has no line more."""
    given = ", ".join(
        f"{each.name}: labels.hostile" if each.name == name else f'{each.name}: "{GOOD[each.name]}"'
        for each in action.parameters
        if each.name == name or (each.default is None)
    )
    text = f'rule "it"\n  on event: "A"\n  then: execute("{action.name}", {given})\n'
    compiled = compile_files([Source("own.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    rule = compiled.ruleset.rules[0]
    let_through = 0
    for value in hostile(f"{action.name} {name}", 10_000):
        facts = Facts(now=0, alertname="A", labels={"hostile": value}, node=NODE)
        (step,) = render_steps(rule, facts)
        if isinstance(step, Refusal):
            continue
        assert isinstance(step, PlannedStep)
        let_through += 1
        for shape, argv in (
            (action.run.argv, step.argv),
            (action.observe.argv if action.observe else (), step.observe),
        ):
            assert len(argv) == len(shape)
            for part, element in zip(shape, argv, strict=True):
                if f"{{{name}}}" in part:
                    assert element == part.replace(f"{{{name}}}", value)
                    assert element.startswith("-") is part.startswith("-")
            assert_data(argv)
    assert 0 < let_through < 10_000, "values of both kinds, or this shows nothing"


@pytest.mark.parametrize(("action", "name"), parameters(calls=True), ids=lambda each: getattr(each, "name", each))
def test_hostile_values_stay_data_in_calls(action: Action, name: str) -> None:
    """A value is refused, or comes out of the call as it went in, without a character that a path or a URL would obey."""
    text = f'rule "it"\n  on event: "A"\n  then: execute("{action.name}", {name}: labels.hostile)\n'
    compiled = compile_files([Source("own.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    rule = compiled.ruleset.rules[0]
    let_through = 0
    for value in (*GOOD.values(), "pxe", *hostile(f"{action.name} {name}", 10_000)):
        (step,) = render_steps(rule, Facts(now=0, alertname="A", labels={"hostile": value}, node=NODE))
        if isinstance(step, Refusal):
            continue
        assert isinstance(step, PlannedStep)
        let_through += 1
        called = read(written(step.call or "", step.parameters))
        assert (called.name, called.given[name]) == (action.run.call, value)
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,253}", value), value
    assert 0 < let_through < 10_000, "values of both kinds, or this shows nothing"


def test_no_parameter_is_left_out() -> None:
    """Whatever a string parameter ends in is tried above; only a declared command is named in the rule itself (E0204)."""
    compiled = compile_files([], packs=False)
    assert compiled.ruleset is not None
    named = {
        (action.name, parameter.name)
        for action in compiled.ruleset.actions.values()
        for parameter in action.parameters
        if parameter.type is Type.STRING
    }
    tried = {(action.name, name) for action, name in (*PARAMETERS, *parameters(calls=True))}
    assert named - tried == {("run_command", "command")}


def assert_data(argv: tuple[str, ...]) -> None:
    """What the wrapper reads is this argv, one line an element; and no element holds what a shell or a path would obey."""
    if not argv:
        return
    order = Order(intent="i", step=0, token=1, target="t", address="", argv=argv, deadline_s=5)
    lines = request("run", order, 100).decode().split("\n")
    assert [line.removeprefix("arg ") for line in lines if line.startswith("arg ")] == list(argv)
    for element in argv:
        assert not re.search(r"[\s'\"`$;|&<>\\*?\[\]{}()!#~\x00-\x1f\x7f-\uffff]", element), element
        assert ".." not in re.split(r"[/=]", element), element


@pytest.mark.parametrize("value", ["a\nb", "a\0b", "\ud800"])
def test_the_executor_trusts_nobody(value: str) -> None:
    """Even an argv that no rule checked is refused when it would not stay one line an element."""
    with pytest.raises(Unsendable):
        request("observe", Order("i", 0, 1, "t", "", ("/bin/echo", value), 5), 100)
