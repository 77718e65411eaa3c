"""Time, chance and tasks come through `healer.seams` alone: the ways around ruff's list of banned names are closed too.

ruff bans the plain names (pyproject.toml, banned-api). This looks at the syntax trees for what has no fixed name: methods of
a loop, clocks of datetime, chance of the operating system, threads and processes. The modules that ruff excepts are the
seams; each is named here again, with what it may do and why, so that the list cannot grow in silence.
"""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(file for room in ("healer", "rules", "notifiers") for file in (ROOT / room).rglob("*.py"))

SEAMS = {
    "healer/seams.py": "the machine's clock and chance, and the one place that starts tasks",
    "healer/store/run.py": "the store's writer and readers are threads",
}
"""Modules in which the rules below do not hold."""

EXCEPTED = {**SEAMS, "healer/settings/load.py": "the one place that reads the environment"}
"""Modules in which ruff's list of banned names does not hold."""

METHODS = {
    "create_task": "take a Spawn",
    "ensure_future": "take a Spawn",
    "run_in_executor": "take a Spawn, or the store's run",
    "call_soon_threadsafe": "threads live in the store's writer",
    "urandom": "take a Random",
    "getrandom": "take a Random",
    "getrandbits": "take a Random",
    "utcnow": "take a Clock",
    "today": "take a Clock",
    "time_ns": "take a Clock",
    "monotonic_ns": "take a Clock",
    "perf_counter": "take a Clock",
    "perf_counter_ns": "take a Clock",
    "fork": "processes are started by nobody",
    "_run_once": "the loop is not ours",
}
"""Names of methods that reach around the seams, whatever they are called on."""

MODULES = {
    "time": "take a Clock",
    "random": "take a Random",
    "secrets": "take a Random",
    "uuid": "ids are hashes, or come from a Random",
    "threading": "threads live in the store's writer",
    "_thread": "threads live in the store's writer",
    "concurrent": "threads live in the store's writer",
    "multiprocessing": "processes are started by nobody",
    "subprocess": "processes are started by nobody: executors reach machines through their ports",
    "sched": "take a Clock",
    "timeit": "take a Clock",
}

GROUPS = {"TaskGroup", "Runner", "new_event_loop", "eager_task_factory", "to_thread"}
"""What asyncio has besides create_task that starts tasks or threads."""


def findings(source: str) -> Iterator[tuple[int, str]]:
    """Lines of a module that reach around the seams, and what to do instead."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                for name in names:
                    if (module := name.name.split(".")[0]) in MODULES:
                        yield node.lineno, f"import {name.name}: {MODULES[module]}"
            case ast.ImportFrom(module=str(module), names=names, level=0):
                if (top := module.split(".")[0]) in MODULES:
                    yield node.lineno, f"from {module} import: {MODULES[top]}"
                for name in names:
                    if name.name in METHODS or (top == "asyncio" and name.name in GROUPS):
                        yield node.lineno, f"from {module} import {name.name}: {METHODS.get(name.name, 'take a Spawn')}"
            case ast.Call(func=ast.Attribute(attr="time", value=ast.Call(func=called))) if "loop" in ast.unparse(
                called
            ):
                yield node.lineno, "the loop's time: take a Clock"
            case ast.Call(func=ast.Attribute(attr="now", value=on)) if ast.unparse(on).split(".")[-1] in (
                "datetime",
                "dt",
            ):
                yield node.lineno, "datetime.now: take a Clock"
            case ast.Attribute(attr=attribute, value=ast.Name(id="asyncio")) if attribute in GROUPS:
                yield node.lineno, f"asyncio.{attribute}: take a Spawn"
            case ast.Attribute(attr=attribute, value=on) if attribute in METHODS and not _is_spawn(on):
                yield node.lineno, f"{ast.unparse(node)}: {METHODS[attribute]}"
            case ast.Call(func=ast.Name(id="__import__" | "eval" | "exec" as name)):
                yield node.lineno, f"{name}: what it reaches cannot be seen"
            case ast.Call(func=ast.Attribute(attr="import_module"), args=[ast.Constant(value=str(module)), *_]):
                if module.split(".")[0] in MODULES:
                    yield node.lineno, f"import_module({module!r}): {MODULES[module.split('.')[0]]}"
            case ast.FunctionDef(name=name) if name != "__hash__":
                yield from _hashes(node)


def _is_spawn(on: ast.expr) -> bool:
    return ast.unparse(on).endswith("spawn")


def _hashes(function: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    """hash() of text differs from process to process, so nothing may be decided or stored by it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash":
            yield node.lineno, "hash(): differs between processes; use hashlib"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_reaches_around_the_seams(file: Path) -> None:
    """A module takes time, chance and tasks from whoever calls it."""
    name = str(file.relative_to(ROOT))
    if name in SEAMS:
        assert list(findings(file.read_text())), f"{name} is listed as a seam ({SEAMS[name]}) and needs none"
    else:
        assert [f"{name}:{line}: {why}" for line, why in findings(file.read_text())] == []


def test_the_exceptions_of_ruff_are_the_seams() -> None:
    """No module of the service is excepted from the ban that is not named here with its reason."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    excepted = project["tool"]["ruff"]["lint"]["per-file-ignores"]
    for pattern, codes in excepted.items():
        if any(code.startswith("TID") for code in codes) and not pattern.startswith(("tests/", "bench/")):
            assert pattern in EXCEPTED, (
                f"{pattern} is excepted from the ban: name it here, with the reason, or let it be"
            )


@pytest.mark.parametrize(
    "around",
    [
        "import asyncio\nasyncio.get_running_loop().create_task(work())",
        "import asyncio\nasyncio.get_event_loop().time()",
        "import asyncio\nloop = asyncio.get_running_loop()\nloop.run_in_executor(None, work)",
        "from asyncio import TaskGroup",
        "from asyncio import create_task as go",
        "import asyncio\nstart = asyncio.create_task",
        "import asyncio\nasync def f():\n    async with asyncio.TaskGroup() as group: ...",
        "from time import monotonic",
        "import time as clock",
        "import datetime\ndatetime.datetime.utcnow()",
        "from datetime import datetime as dt\ndt.now()",
        "from datetime import date\ndate.today()",
        "import os\nos.urandom(8)",
        "__import__('time').time()",
        "import importlib\nimportlib.import_module('random')",
        "from concurrent.futures import ThreadPoolExecutor",
        "import subprocess",
        "def bucket(name):\n    return hash(name) % 4",
    ],
)
def test_the_ways_around_are_seen(around: str) -> None:
    """Each known way around the seams is found."""
    assert list(findings(around))


@pytest.mark.parametrize(
    "fine",
    [
        "async def f(clock, spawn):\n    spawn.start('x', g())\n    return clock.now() + clock.monotonic()",
        "import asyncio\nasync def f():\n    async with asyncio.timeout(3):\n        await asyncio.sleep(1)",
        "from datetime import datetime\ndatetime.fromisoformat('2026-01-01')",
        "class Name:\n    def __hash__(self):\n        return hash(self.text)",
    ],
)
def test_what_is_allowed_is_left_alone(fine: str) -> None:
    """Sleeping, time-outs and the seams themselves are no findings."""
    assert list(findings(fine)) == []
