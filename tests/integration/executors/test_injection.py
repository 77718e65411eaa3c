"""Hostile values for every string parameter of every action, against the argv that a machine's command really received.

The real wrapper is run by the machine's own /bin/sh. What it starts writes down what it was given, byte for byte.
"""

import subprocess
from itertools import islice
from pathlib import Path

import pytest

from healer.executors.target import Order
from healer.executors.wrapper import ARGV_MAX_BYTES, ARGV_MAX_COUNT, Unsendable, request
from rules import Action, Facts, PlannedStep, Source, compile_files, render_steps
from tests.effort import Effort
from tests.servers.sshd import WRAPPER
from tests.unit.executors.test_injection import GOOD, NODE, PARAMETERS, hostile

RECORDER = """#!/bin/sh
# Its own name and every argument, each ended by a NUL, which no argument can hold.
printf '%s\\0' "$0" "$@" >>"${0%/*}/received"
"""


class Machine:
    """A folder with the wrapper's state, and a command that writes down its argv."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.command = folder / "act"
        self.command.write_text(RECORDER)
        self.command.chmod(0o755)
        self.received = folder / "received"
        self._token = 0

    def runs(self, arguments: list[str]) -> list[str]:
        """What the command was given when it was to be given these."""
        self._token += 1
        argv = (str(self.command), *arguments)
        order = Order(f"i{self._token}", 0, self._token, "cn-1", "", argv, deadline_s=20)
        self.received.unlink(missing_ok=True)
        said = request("run", order, 100) + b"go\n"
        command = [str(WRAPPER), "--state", str(self.state), "--allow", "/nonexistent"]
        answer = subprocess.run(
            command, input=said, capture_output=True, check=False, timeout=60, cwd=self.state.parent
        )
        assert b"healer-run done 0 exited" in answer.stdout, answer
        *given, end = self.received.read_bytes().split(b"\0")
        assert end == b""
        assert given[0].decode() == str(self.command)
        return [each.decode() for each in given[1:]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One for each test."""
    return Machine(tmp_path)


@pytest.mark.parametrize(("action", "name"), PARAMETERS, ids=lambda each: getattr(each, "name", each))
def test_what_arrives_is_what_was_given(machine: Machine, action: Action, name: str, effort: Effort) -> None:
    """What a rule lets through and what would have got past it: each is one argument, unchanged, and does nothing by itself."""
    values = list(islice(hostile(f"{action.name} {name}", 10_000), effort.pick(ci=150, full=10_000)))
    traps = [
        f"{open_}touch owned{close}" for open_, close in (("$(", ")"), ("`", "`"), (";", ""), ("|", ""), ("\r", ""))
    ]
    values += [trap + value for trap in traps for value in values[1:20]]
    for group in in_groups([*rendered(action, name, values), *filter(sendable, values)]):
        assert machine.runs(group) == group
    assert not list(machine.state.parent.glob("**/owned")), "something in an argument was obeyed"


def rendered(action: Action, name: str, values: list[str]) -> list[str]:
    """What the planner makes of these values of a parameter, as far as it does not refuse them."""
    given = ", ".join(
        f"{each.name}: labels.hostile" if each.name == name else f'{each.name}: "{GOOD[each.name]}"'
        for each in action.parameters
        if each.name == name or each.default is None
    )
    text = f'rule "it"\n  on event: "A"\n  then: execute("{action.name}", {given})\n'
    compiled = compile_files([Source("own.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    place = next(number for number, part in enumerate(action.run.argv) if f"{{{name}}}" in part)
    found = []
    for value in values:
        (step,) = render_steps(
            compiled.ruleset.rules[0], Facts(now=0, alertname="A", labels={"hostile": value}, node=NODE)
        )
        if isinstance(step, PlannedStep):
            found.append(step.argv[place])
    return found


def sendable(value: str) -> bool:
    """Whether the executor takes it as an argument: newlines, NUL, what is no Unicode and a megabyte are refused by it."""
    try:
        request("run", Order("i", 0, 1, "cn-1", "", ("/act", value), 20), 100)
    except Unsendable:
        return False
    return True


def in_groups(values: list[str]) -> list[list[str]]:
    """As many in one request as it can hold."""
    groups: list[list[str]] = [[]]
    size = 0
    for value in values:
        size += len(value.encode())
        if len(groups[-1]) == ARGV_MAX_COUNT - 1 or size > ARGV_MAX_BYTES - 1_000:
            groups.append([])
            size = len(value.encode())
        groups[-1].append(value)
    return groups
