"""What do the rules in use need that the configuration does not have? Used by `healer doctor --config`. Pure.

A plan would be refused for it, at night; a rule is not wrong for it, as packs have rules for more than one installation has.
"""

from collections.abc import Collection, Iterator, Mapping

from healer.alerts.asked import ALERT
from healer.cli.findings import Finding
from healer.cli.words import counted
from healer.executors.http.target import PARAMETERS as HTTP
from healer.settings.outside import Executors
from rules import Execute, Rule, RuleSet
from rules.expressions import Const

NAMED = 3
"""Rules that are named of those that need something."""
PARAMETERS = {**HTTP, "patch": "patch"}
"""By call, the parameter that names what the settings declare."""


def examine_rules(ruleset: RuleSet, executors: Executors) -> Iterator[Finding]:
    """A finding for each executor that is not set up, and for each name that is not declared."""
    without: dict[str, list[str]] = {}
    unnamed: dict[tuple[str, str], list[str]] = {}
    for rule in ruleset.rules:
        for step in _effects(rule):
            executor, call = step.action.run.executor, step.action.run.call or ""
            if not _set_up(executors, executor):
                without.setdefault(executor, []).append(rule.name)
            elif call in PARAMETERS:
                where, known = _declared(executors, call)
                given = dict(step.parameters).get(PARAMETERS[call])
                if isinstance(given, Const) and given.value not in known:
                    unnamed.setdefault((where, str(given.value)), []).append(rule.name)
            other = step.action.fallback
            if other is not None and not _set_up(executors, other.executor):
                without.setdefault(other.executor, []).append(rule.name)
    for executor, names in without.items():
        mend = f"set executors.{executor}, if they are to be carried out (docs/actions.md)"
        yield Finding("note", f"{_said(names)} the executor {executor}, which is not set up", mend)
    for (where, name), names in unnamed.items():
        yield Finding("wrong", f"{_said(names)} {name!r}, which {where} does not declare", f"declare it in {where}")
    if (
        executors.kubernetes is not None
        and executors.kubernetes.remediations is not None
        and not ruleset.listening(ALERT)
    ):
        mend = "add requests to rules.packs, or write rules `on event: RemediationRequested` (docs/kubernetes.md)"
        yield Finding("note", "people may ask with Remediation objects, and no rule in use answers them", mend)


def _effects(rule: Rule) -> Iterator[Execute]:
    for step in (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery):
        if isinstance(step, Execute):
            yield step


def _set_up(executors: Executors, executor: str) -> bool:
    """What is ordered over SSH goes to agents, too."""
    if executor == "ssh" and executors.agent is not None:
        return True
    return getattr(executors, executor, None) is not None


def _declared(executors: Executors, call: str) -> tuple[str, Collection[str]]:
    """Where the names of a call are declared, and which there are."""
    http, kubernetes = executors.http, executors.kubernetes
    tables: Mapping[str, tuple[str, Collection[str]]] = {
        "call_webhook": ("executors.http.webhooks", http.webhooks if http is not None else ()),
        "trigger_pipeline": ("executors.http.pipelines", http.pipelines if http is not None else ()),
        "patch": ("executors.kubernetes.patches", kubernetes.patches if kubernetes is not None else ()),
    }
    return tables[call]


def _said(names: list[str]) -> str:
    """`2 rules need (a; b)`."""
    rules = list(dict.fromkeys(names))
    more = f"; and {len(rules) - NAMED} more" if len(rules) > NAMED else ""
    return f"{counted(len(rules), 'rule')} ({'; '.join(rules[:NAMED])}{more}) {'needs' if len(rules) == 1 else 'need'}"
