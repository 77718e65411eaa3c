"""What all tests share: how much effort they make, and that in CI nothing is skipped.

`HEALER_EFFORT=ci|full` is the one knob of heavy tests. A skipped test proves nothing, so with `CI=true` it fails: there,
every server that a test needs has to be installed (tests/servers/debian.sh).
"""

import os
from collections.abc import Callable, Generator
from typing import TypeVar

import hypothesis
import pytest

from tests.effort import Effort

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

CI = os.environ.get("CI") == "true"

SAID = "said"
"""The name of the property under which a report carries what its test said."""

hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, max_examples=100)
hypothesis.settings.register_profile("full", deadline=None, max_examples=5_000)
hypothesis.settings.load_profile(Effort.from_environment().name)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What hypothesis draws input for is what `make fuzz` runs in full. What is marked full is there in full alone."""
    for item in items:
        if hypothesis.is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("fuzz")
    if Effort.from_environment().name != "full":
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def effort() -> Effort:
    """How much a heavy test should do now."""
    return Effort.from_environment()


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Says what a test saw (a time, a count, a version): shown when all tests have run, on whatever worker it ran."""
    return lambda line: record_property(SAID, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in terminalreporter.stats.values():
        for report in reports:
            said = [line for name, line in getattr(report, "user_properties", []) if name == SAID]
            if said and getattr(report, "when", "") == "call":
                terminalreporter.section(report.nodeid)
                for line in said:
                    terminalreporter.line(line)


def _refuse_skip(report: Report) -> Report:
    if CI and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: {why}. In CI nothing is skipped: install what is missing."
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))
