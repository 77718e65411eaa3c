"""The engine agrees with a slow derivation from scratch, whatever happens and in whatever graph."""

import ast
from pathlib import Path

from hypothesis import example, given

from tests.unit.convergence import oracle
from tests.unit.convergence.histories import QUIET, Event, Kind, Story, Telling, stories
from tests.unit.convergence.promises import (
    check_fixed_point,
    check_incidents,
    check_kept,
    check_partition,
    check_statuses,
)


def tell(story: Story) -> None:
    """Play a story and hold the engine to the oracle and to the promises after every step, and long after the last."""
    telling = Telling(story)
    last = 0
    for at, events in story.deliveries:
        for second in range(last + 1, at):
            if second in {last + 3, last + 5} or at - second < 2:
                telling.pass_to(second)
                telling.compare(second)
        telling.tell(at, events)
        telling.compare(at)
        check_statuses(telling.world, telling.arrived)
        check_incidents(telling.world)
        check_fixed_point(telling.world)
        last = at
    for second in (last + 3, last + 5, last + 14, last + 15, last + 16, last + QUIET):
        telling.pass_to(second)
        telling.compare(second)
        check_statuses(telling.world, telling.arrived)
        check_incidents(telling.world)
        check_fixed_point(telling.world)
    check_partition(telling)
    check_kept(telling.world)


CONTESTED = Story(
    edges=(("n0", "n1"),),
    nodes=("n0", "n1"),
    deliveries=(
        (
            100,
            (
                Event(Kind("Hot", "n0", "warning"), "fires", 15, False),
                Event(Kind("Down", "n0", "warning"), "fires", 15, False),
            ),
        ),
        (112, (Event(Kind("Hot", "n0", "warning"), "fires", 0, False),)),
        (124, (Event(Kind("Down", "n0", "warning"), "ends", 0, False),)),
        (126, (Event(Kind("Hot", "n1", "warning"), "fires", 0, False),)),
        (126, (Event(Kind("Down", "n0", "warning"), "fires", 0, True),)),
    ),
)
"""A copy of a hard cause fires again, and explains what began after its end."""


@given(stories())
@example(CONTESTED)
def test_agrees(story: Story) -> None:
    """Of every firing alert, at every instant, engine and oracle name the same explanation and the same onset."""
    tell(story)


def test_shares_nothing() -> None:
    """The oracle imports nothing but the standard library: no decision of the service can hide in it."""
    tree = ast.parse(Path(oracle.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"collections.abc", "dataclasses"}
