"""The roles that let healer repair what a Kubernetes cluster runs, and do nothing else there: for the rules in use.

healer rbac --config /etc/healer/healer.yaml                                   roles, bound in the whole cluster
healer rbac --config /etc/healer/healer.yaml --namespace shop --namespace pay  ... where that is possible, in these alone
healer rbac --config /etc/healer/healer.yaml | kubectl apply -f -
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from healer.cli.failure import FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files, read_settings
from healer.executors.kubernetes.rbac import ASKED_FOR, LOOKED_AT, TOLD, WATCHED, Permission, permissions, rules
from healer.executors.kubernetes.status import KINDS
from healer.settings.model import Settings
from rules import Execute, RuleSet
from rules.expressions import Healthy, walk

Json = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io/v1"
_GROUP = "rbac.authorization.k8s.io"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", required=True, help="the configuration of healer")
    parser.add_argument(
        "--namespace", action="append", default=[], metavar="NAME", help="what is there may be touched; several times"
    )
    parser.add_argument(
        "--account", default="healer/healer", metavar="NAMESPACE/NAME", help="healer's service account (healer/healer)"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of YAML")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    settings = read_settings(arguments.config)
    compiled = compiled_files([], settings)
    if compiled.ruleset is None or settings is None:
        raise Failure(f"the rules have mistakes: healer check --config {arguments.config} says which", FOUND_WRONG)
    account = tuple(arguments.account.split("/"))
    if len(account) != 2 or not all(account):
        raise Failure(f"--account {arguments.account}: expected NAMESPACE/NAME")
    wide, within = needed(settings, compiled.ruleset)
    made = list(manifests(wide, within - wide, arguments.namespace, (account[0], account[1])))
    if not made:
        raise Failure("no rule in use asks anything of a cluster, and no topology is read from one", FOUND_WRONG)
    if arguments.json:
        output.json({"apiVersion": "v1", "kind": "List", "items": made})
    else:
        output.console.file.write(yaml.safe_dump_all(made, sort_keys=False))
    return 0


def needed(settings: Settings, ruleset: RuleSet) -> tuple[frozenset[Permission], frozenset[Permission]]:
    """What it takes in the whole cluster, and what in the namespaces of what is touched. Pure."""
    wide, within = permissions(calls(ruleset))
    executor = settings.executors.kubernetes
    if executor is not None and executor.events:
        # Events about nodes stand in the namespace `default`, whichever are named.
        wide |= {TOLD} if wide else set()
        within |= {TOLD} if within else set()
    if watches(settings):
        wide |= frozenset(WATCHED)
    if executor is not None and looks(ruleset):
        within |= frozenset(LOOKED_AT)
    if executor is not None and (asked := executor.remediations) is not None:
        wide, within = (wide, within | {*ASKED_FOR}) if asked.namespaces else (wide | {*ASKED_FOR}, within)
    return wide, within


def calls(ruleset: RuleSet) -> set[str]:
    """The calls to a cluster's API that the rules may make, what undoes them included. Pure."""
    found = set()
    for rule in ruleset.rules:
        for step in (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery):
            if isinstance(step, Execute):
                undo = ruleset.actions.get(step.action.undo or "")
                found |= {
                    way.call
                    for one in (step.action, undo)
                    for way in ((one.run, one.fallback) if one is not None else ())
                    if way is not None and way.executor in ("kubernetes", "helm")
                }
    return {call for call in found if call}


def looks(ruleset: RuleSet) -> bool:
    """Whether a rule asks whether an object is healthy that it may not touch itself. Pure."""
    return any(
        isinstance(item, Healthy) and (item.target.which in ("owner", "find") or item.target.kind in KINDS)
        for rule in ruleset.rules
        for condition in (rule.when, rule.verify.condition, *rule.exceptions)
        if condition is not None
        for item in walk(condition)
    )


def watches(settings: Settings) -> bool:
    return any(source.kubernetes is not None for source in settings.topology.sources)


def manifests(
    wide: frozenset[Permission], within: frozenset[Permission], namespaces: Sequence[str], account: tuple[str, str]
) -> Iterator[Json]:
    """Roles and their bindings. Pure."""
    if wide:
        yield _role("healer", wide)
        yield _bound("healer", account)
    if within:
        yield _role("healer-repairs", within)
        for namespace in namespaces or [""]:
            yield _bound("healer-repairs", account, namespace)


def _role(name: str, needed: frozenset[Permission]) -> Json:
    return {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules(needed)}


def _bound(role: str, account: tuple[str, str], namespace: str = "") -> Json:
    """The role for healer's account: in one namespace, or everywhere."""
    return {
        "apiVersion": _RBAC,
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": role, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}],
    }
