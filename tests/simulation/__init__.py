"""The whole service in one thread, in virtual time, under seeded faults: what a promise means when things go wrong.

A scenario is a function of a seed, registered with `@scenario`; it raises `Broken` where a promise does not hold. An
ablation takes one safeguard away and names the promise that must then break: it proves that the checker can fail.
Modules in `tests/simulation/scenarios/` are found by themselves; ablations are in `ablations`. docs/simulation.md says more.
Run: `python -m tests.simulation --seeds 500`.
"""

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """What a run was: its trace, what the seed chose (printed on replay), the faults injected, what was counted."""

    trace: str
    options: dict[str, str] = {}
    faults: tuple[str, ...] = ()
    counts: dict[str, int] = {}


class Broken(AssertionError):
    """A promise (its name in architecture: A1, A2, E1, ...) did not hold. A scenario adds what it knows as `outcome`."""

    def __init__(self, promise: str, what: str, outcome: Outcome | None = None) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.what = what
        self.outcome = outcome


class Scenario(Protocol):
    """Run the service once under this seed. Raises `Broken` where a promise does not hold; anything else is a failure too."""

    def __call__(self, seed: int) -> Outcome: ...


class Ablation(msgspec.Struct, frozen=True):
    """A safeguard taken away while `without()` is entered, and the promise that `scenario` must then find broken.

    `changes` says in one line what is different; the change is at most five lines of healer's code.
    """

    name: str
    changes: str
    promise: str
    scenario: str
    without: Callable[[], AbstractContextManager[object]]


SCENARIOS: dict[str, Scenario] = {}
ALONE: set[str] = set()
"""Scenarios of which one seed takes minutes: they are run when they are named."""
ABLATIONS: dict[str, Ablation] = {}


def scenario(name: str, *, alone: bool = False) -> Callable[[Scenario], Scenario]:
    """Register a scenario under the name by which the command line knows it. `alone`: it is run only when it is named."""

    def register(run: Scenario) -> Scenario:
        SCENARIOS[name] = run
        if alone:
            ALONE.add(name)
        return run

    return register


def ablation(
    name: str, *, promise: str, scenario: str
) -> Callable[[Callable[[], AbstractContextManager[object]]], Ablation]:
    """Register a context manager that takes a safeguard away. Its docstring says what it changes, in one line."""

    def register(without: Callable[[], AbstractContextManager[object]]) -> Ablation:
        ABLATIONS[name] = Ablation(name, (without.__doc__ or "").strip(), promise, scenario, without)
        return ABLATIONS[name]

    return register


def load() -> None:
    """Import every module of `tests.simulation.scenarios`, and the ablations: they register themselves."""
    importlib.import_module("tests.simulation.ablations")
    importlib.import_module("tests.simulation.ablations_of_agents")
    importlib.import_module("tests.simulation.ablations_of_effects")
    importlib.import_module("tests.simulation.ablations_of_escalations")
    importlib.import_module("tests.simulation.ablations_of_secrets")
    package = importlib.import_module("tests.simulation.scenarios")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
