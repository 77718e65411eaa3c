"""The rule language: text in, compiled rules out, and what a rule says about an incident.

Pure: no clock, no I/O but reading its own packs, and nothing of healer. The service compiles (`compile_files`),
looks up who listens (`RuleSet.listening`), evaluates (`evaluate`) until nothing is needed any more, and renders what
would be done (`render_steps`, `limit_keys`). docs/rule-language.md is the manual.
"""

from rules.actions import Action, Command, Invocation, Metric, Parameter
from rules.compiling import Compiled, compile_files, pack_names
from rules.evaluation import evaluate, health_template, query_key
from rules.expressions import Expression, Target
from rules.facts import DEFAULT_HEALTH, Answer, Facts, Held, NodeFact, Query, Verdict, remember
from rules.names import DEFAULT_SEVERITIES
from rules.planning import LimitKey, Planned, PlannedNotice, PlannedStep, Refusal, limit_keys, render_steps
from rules.problems import CODES, Problem, Source, format_problem
from rules.ruleset import DEFAULT_LIMITS, Execute, Limit, Mode, Notify, Rule, RuleSet, Verify

DISTRIBUTION = "healer"
"""Whose package this is: other distributions own the name `rules` too, and may have overwritten it."""

__all__ = [
    "CODES",
    "DEFAULT_HEALTH",
    "DEFAULT_LIMITS",
    "DEFAULT_SEVERITIES",
    "DISTRIBUTION",
    "Action",
    "Answer",
    "Command",
    "Compiled",
    "Execute",
    "Expression",
    "Facts",
    "Held",
    "Invocation",
    "Limit",
    "LimitKey",
    "Metric",
    "Mode",
    "NodeFact",
    "Notify",
    "Parameter",
    "Planned",
    "PlannedNotice",
    "PlannedStep",
    "Problem",
    "Query",
    "Refusal",
    "Rule",
    "RuleSet",
    "Source",
    "Target",
    "Verdict",
    "Verify",
    "compile_files",
    "evaluate",
    "format_problem",
    "health_template",
    "limit_keys",
    "pack_names",
    "query_key",
    "remember",
    "render_steps",
]
