"""A `test` block once compiled: a little world, and what is expected of the rules in it. Run by `healer.rehearsal`.

Times are microseconds after the test's start, `start` is an instant in microseconds since 1970.
"""

from typing import Final, Literal

import msgspec

from rules.units import SECOND

START: Final = 1_767_751_200 * SECOND
"""2026-01-07T02:00:00Z, a Wednesday, where a test gives no time."""


class TrialNode(msgspec.Struct, frozen=True, kw_only=True):
    """One node of the test's topology, and the nodes that it is below."""

    id: str
    attributes: tuple[tuple[str, str], ...] = ()
    below: tuple[str, ...] = ()


class TrialChange(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment or push that somebody tells of: to which repository, with which labels, what it touches, and when."""

    repo: str
    labels: tuple[tuple[str, str], ...] = ()
    on: str
    at: int = 0


class TrialAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, from when to when it fires; None: for as long as the test runs."""

    labels: tuple[tuple[str, str], ...]
    begins: int = 0
    ends: int | None = None


class TrialAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is said to the queries that match: (from when, value) in order; None is no data.

    `pattern` is RE2 for the whole finished query; of the `alert` names are asked, and texts may be the answer.
    """

    pattern: str
    values: tuple[tuple[int, float | str | None], ...]
    of: Literal["prometheus", "alert"] = "prometheus"


class TrialApproval(msgspec.Struct, frozen=True, kw_only=True):
    """What a person, or one of a group, says once asked; `after` counts from the question."""

    who: str
    approves: bool
    after: int


class TrialFailure(msgspec.Struct, frozen=True, kw_only=True):
    """An action that fails, on one node or on all."""

    action: str
    on: str | None = None


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """One `expect:`, with its words and its line.

    `step` and `suggested` name an action in `what`, `notice` a channel, `approval` a group, `outcome` a state. `absent`
    turns it round. `given` are parameters that the step must have, as they are written in a plan.
    """

    form: Literal["nothing", "approval", "outcome", "step", "notice"]
    text: str
    line: int
    what: str = ""
    on: str | None = None
    by: str | None = None
    given: tuple[tuple[str, str | float | int | bool], ...] = ()
    suggested: bool = False
    absent: bool = False


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One test."""

    name: str
    path: str
    line: int
    start: int = START
    nodes: tuple[TrialNode, ...] = ()
    changes: tuple[TrialChange, ...] = ()
    alerts: tuple[TrialAlert, ...] = ()
    answers: tuple[TrialAnswer, ...] = ()
    calendars: tuple[tuple[str, bool], ...] = ()
    approvals: tuple[TrialApproval, ...] = ()
    failures: tuple[TrialFailure, ...] = ()
    expects: tuple[Expectation, ...] = ()
