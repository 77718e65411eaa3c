"""The words of healing as values: plan, remediation, intent, and the states they pass through.

Planned by `healer.remediation.planner` (pure) inside a step, carried out by `healer.remediation.runner`, kept by the store.
"""

from typing import Literal

import msgspec

from healer.times import Micros

State = Literal[
    "planned",
    "waiting",
    "awaiting_approval",
    "locked",
    "executing",
    "verifying",
    "undoing",
    "observed",
    "suggested",
    "succeeded",
    "failed",
    "not_verified",
    "undone",
    "refused",
    "rejected",
    "expired",
    "cancelled",
    "superseded",
    "handed_over",
]

GuardName = Literal[
    "target",
    "own machine",
    "silenced",
    "maintenance",
    "except",
    "freeze",
    "cordoned",
    "deployment",
    "only roots",
    "freshness",
    "sender alive",
    "dwell",
    "storm",
    "flapping",
    "confidence",
    "health floor",
    "kill switch",
    "approval",
    "unsettled",
    "opposing action",
    "limit",
    "rate per target",
    "rate per rule",
    "rate per action",
    "rate per service",
    "concurrency",
    "share of siblings",
    "control plane",
    "ineffective",
    "ramp",
]
"""By these names people know the guards: docs/guards.md has one line for each."""

UNDER_WAY: frozenset[str] = frozenset(
    {"planned", "waiting", "awaiting_approval", "locked", "executing", "verifying", "undoing"}
)
"""States that somebody still has to bring to an end; all others are final."""


ONLY_SUGGESTED = "mode: suggest"
"""Why a plan was not begun whose rule leaves that to people: `capped_by` of the plan, and the detail of its remediation."""

BEFORE_INTENT: frozenset[str] = frozenset({"planned", "waiting", "awaiting_approval", "locked"})
"""States in which nothing has been done to any target yet."""


class Way(msgspec.Struct, frozen=True):
    """How else an effect is had: what of a step is another executor's own."""

    executor: str
    argv: tuple[str, ...]
    call: str = ""
    observe: tuple[str, ...] = ()
    shows: str = ""


class PlanStep(msgspec.Struct, frozen=True):
    """One effect, with everything filled in. Times are microseconds; `retry` counts repeats of attempts without effect."""

    action: str
    executor: str
    node: str
    argv: tuple[str, ...]
    timeout: Micros
    retry: int = 0
    idempotent: bool = False
    destructive: bool = True
    diagnostic: bool = False
    call: str = ""
    """The typed call of an executor that takes no argv, with `parameters`: durations are microseconds."""
    parameters: tuple[tuple[str, str | float | int | bool], ...] = ()
    until: str = ""
    """This is no effect: the plan waits until this holds. `timeout` is for how long at most."""
    clause: str = "then"
    """The clause of the rule that it stands in, and at which place there."""
    position: int = 0
    closing: bool = False
    """It tidies up behind the plan, so it runs although the incident is over by then."""
    observe: tuple[str, ...] = ()
    """What tells the present state of what it changes, and of which kind that state is ("" for mere text)."""
    shows: str = ""
    address: str = ""
    """Where the node was when the plan was made; what it had to prove there is `identity`."""
    identity: str = ""
    version: str = ""
    """Of the action's text."""
    opposing: str = ""
    """The action that takes back what this one does: the two never run on one node together."""
    best_effort: bool = False
    """Whether it works or not, the plan goes on."""
    fallback: Way | None = None
    """How it goes where the first way is down, and is known to have had no effect."""


class Asked(msgspec.Struct, frozen=True):
    """Who is asked to agree to a plan, how many of them must, and for how long before the next is asked."""

    who: str
    count: int
    within: Micros


class Limit(msgspec.Struct, frozen=True):
    """At most `count` remediations with the same `key`: within `window` (`rate`), or under way together (`at_once`).

    `share`: at most this ratio of the target's siblings down or under repair. `ineffective`: after `count` within `window` that
    did not help, none. `ramp`: as many together as a power of two of those that helped, none after `count` that did not.
    """

    count: int
    window: Micros
    key: str
    form: Literal["rate", "at_once", "share", "ineffective", "ramp"] = "rate"
    guard: GuardName = "limit"
    """Whose limit it is: "limit" is the rule's own, all others are the installation's."""
    share: float = 0.0
    first: int = 1
    """Of a `ramp`: so many together at first."""
    on: str = ""
    """It counts steps on this node only; "": on every node."""
    action: str = ""
    """It counts steps of this action only; "": of every action."""

    def applies(self, step: PlanStep) -> bool:
        """Whether a step is counted. What only looks is no business of the installation's, and what tidies up is never late."""
        if step.closing or (step.diagnostic and self.guard != "limit"):
            return False
        return self.on in ("", step.node) and self.action in ("", step.action)


class Plan(msgspec.Struct, frozen=True):
    """The steps that a rule chose for one incident. `hash` covers everything else in it."""

    hash: str
    incident: str
    trace_id: str
    root: bytes
    root_starts_at: Micros
    rule: str
    rule_version: str
    mode: Literal["observe", "suggest", "approve", "auto"]
    steps: tuple[PlanStep, ...]
    otherwise: tuple[PlanStep, ...] = ()
    limits: tuple[Limit, ...] = ()
    because: tuple[str, ...] = ()
    capped_by: str = ""
    after_success: tuple[PlanStep, ...] = ()
    approve: tuple[Asked, ...] = ()
    page: bool = False
    """Nobody agreed in time: then a person is paged."""
    recovery: bool = False
    """What follows the end of an incident: nothing is left to be verified."""
    allow: tuple[str, ...] = ()
    undo: tuple[PlanStep, ...] = ()
    """What takes back steps of `steps` and `otherwise`, where that can be; `position` is the number of the step."""

    @property
    def sequence(self) -> tuple[PlanStep, ...]:
        """All steps by the numbers that they have in a remediation and its intents."""
        return (*self.steps, *self.otherwise, *self.after_success, *self.undo)


class Measured(msgspec.Struct, frozen=True):
    """What a query of `verify` said before the effect, and what when it was last looked at. None: nobody knows."""

    query: str
    before: float | str | None = None
    before_at: Micros = 0
    after: float | str | None = None
    after_at: Micros = 0


class Tap(msgspec.Struct, frozen=True):
    """Somebody began to agree to something destructive, and has to say once more what it is done to."""

    who: str
    at: Micros


class Remediation(msgspec.Struct, frozen=True):
    """One run of one plan. `step` counts from 0 over `plan.steps`; `deadline` is when its state has lasted too long."""

    id: str
    plan: Plan
    state: State
    step: int = 0
    attempt: int = 0
    detail: str = ""
    created_at: Micros = 0
    changed_at: Micros = 0
    deadline: Micros = 0
    effect_ended_at: Micros = 0
    stable_since: Micros = 0
    helped: bool = False
    """It was verified; what runs now is `after success`."""
    waits_until: Micros = 0
    """When a step that waits gives up; 0 while none waits."""
    asked: int = 0
    """Which of `plan.approve` is asked."""
    agreed: tuple[str, ...] = ()
    """Who has agreed so far, and last whoever made it enough."""
    tapped: tuple[Tap, ...] = ()
    """Who was asked to say it once more."""
    approved_until: Micros = 0
    """Until when what was agreed to may begin; 0 while not enough people have agreed."""
    approval_used: str = ""
    """The intent that used the approval up."""
    doubted: bool = False
    """What `then` did was not verified; what runs now is `otherwise`."""
    done: tuple[int, ...] = ()
    """Steps that had an effect, or may have had one in part, and were not taken back."""
    to_undo: tuple[int, ...] = ()
    """Numbers of the steps that are still to be run to take back what was done; the next one first."""
    after_undo: Literal["", "failed", "not_verified"] = ""
    """Why it is taken back; "" while nothing is."""
    failed_at: int = 0
    """At which step it was when that began."""
    measured: tuple[Measured, ...] = ()
    other_way: int = -1
    """The number of the step that goes by its `fallback`, as its first way was down; -1 while none does."""


class Intent(msgspec.Struct, frozen=True):
    """One effect about to happen, written before it happens, with all that is needed to finish it without its author.

    `outcome` is "" while unsettled; `unknown` outcomes stay unsettled until a probe or a person settles them.
    """

    id: str
    remediation: str
    incident: str
    step: int
    attempt: int
    action: str
    executor: str
    target: str
    token: int
    argv: tuple[str, ...]
    trace_id: str
    written_at: Micros
    deadline: Micros
    idempotent: bool = False
    outcome: Literal["", "succeeded", "failed", "refused"] = ""
    exit_code: int | None = None
    output: str = ""
    why: str = ""
    address: str = ""
    """Where the target was: a probe goes there, whatever became of the topology. "" in older ones."""
    identity: str = ""
    observe: tuple[str, ...] = ()
    shows: str = ""
    before: str = ""
    """What `observe` brought right before it was written."""
    author: str = ""
    """The process that wrote it, and that alone may begin it."""
    parameters: tuple[tuple[str, str | float | int | bool], ...] = ()
    above: tuple[str, ...] = ()
    """What the target stood in and on: whatever happens there happens to it."""
    guards: tuple[str, ...] = ()
    """What each guard said, with its numbers."""


class Refused(msgspec.Struct, frozen=True):
    """A guard's no: which guard, and by how much. `retry_at` is 0 where nobody knows when waiting will have helped; `ends`
    is the state to end in where it never will."""

    guard: GuardName | Literal["lock", "state"]
    why: str
    retry_at: Micros = 0
    ends: Literal["", "refused", "superseded"] = ""
