"""The rule language: text in, compiled rules out, and what a rule says about an incident.

Pure: no clock, nothing of healer, and no I/O but reading its own packs and what it compiled before, in a folder that it
is given (`keep_in`). The service compiles (`compile_files`), looks up who listens (`RuleSet.listening`), evaluates
(`evaluate`) until nothing is needed any more, and renders what would be done (`render_steps`, `limit_keys`).
docs/rule-language.md is the manual.
"""

from rules.actions import Action, Command, Invocation, Metric
from rules.asking import query_key
from rules.compiling import Compiled, compile_files, is_shipped, pack_names, path_of_pack
from rules.evaluation import evaluate
from rules.expressions import Expression, Target
from rules.facts import (
    DEFAULT_HEALTH,
    OBJECT,
    Answer,
    Facts,
    Held,
    Look,
    NodeFact,
    Query,
    Surroundings,
    Verdict,
    remember,
)
from rules.health import health_template
from rules.names import DEFAULT_SEVERITIES, FEATURES
from rules.parameters import Parameter
from rules.patterns import matches
from rules.permissions import BadMatcher, Permission, read_matcher
from rules.planning import (
    LimitKey,
    Planned,
    PlannedNotice,
    PlannedStep,
    PlannedWait,
    Refusal,
    key_of,
    limit_keys,
    needs_of,
    render_steps,
    undo_of,
)
from rules.problems import CODES, Problem, Source, format_problem
from rules.ruleset import (
    DEFAULT_APPROVAL,
    DEFAULT_LIMITS,
    Approver,
    Execute,
    Limit,
    Mode,
    Notify,
    Repeat,
    Rule,
    RuleSet,
    Verify,
    WaitUntil,
)
from rules.shelf import keep_in
from rules.trials import Expectation, Trial, TrialChange

DISTRIBUTION = "healer"
"""Whose package this is: other distributions own the name `rules` too, and may have overwritten it."""

__all__ = [
    "CODES",
    "DEFAULT_APPROVAL",
    "DEFAULT_HEALTH",
    "DEFAULT_LIMITS",
    "DEFAULT_SEVERITIES",
    "DISTRIBUTION",
    "FEATURES",
    "OBJECT",
    "Action",
    "Answer",
    "Approver",
    "BadMatcher",
    "Command",
    "Compiled",
    "Execute",
    "Expectation",
    "Expression",
    "Facts",
    "Held",
    "Invocation",
    "Limit",
    "LimitKey",
    "Look",
    "Metric",
    "Mode",
    "NodeFact",
    "Notify",
    "Parameter",
    "Permission",
    "Planned",
    "PlannedNotice",
    "PlannedStep",
    "PlannedWait",
    "Problem",
    "Query",
    "Refusal",
    "Repeat",
    "Rule",
    "RuleSet",
    "Source",
    "Surroundings",
    "Target",
    "Trial",
    "TrialChange",
    "Verdict",
    "Verify",
    "WaitUntil",
    "compile_files",
    "evaluate",
    "format_problem",
    "health_template",
    "is_shipped",
    "keep_in",
    "key_of",
    "limit_keys",
    "matches",
    "needs_of",
    "pack_names",
    "path_of_pack",
    "query_key",
    "read_matcher",
    "remember",
    "render_steps",
    "undo_of",
]
