"""`healer rbac`: exactly what the rules in use need of a cluster, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from healer.cli.main import main

RULES = """
rule "crash loop"
  on event: "A"
  then: execute("rollout_undo")
rule "a node"
  on event: "B"
  then: execute("cordon_node")
"""


def write(folder: Path, rules: str = RULES, more: str = "") -> str:
    (folder / "own.heal").write_text(rules)
    file = folder / "healer.yaml"
    file.write_text(f"rules: {{paths: [own.heal]}}\n{more}")
    return str(file)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["rbac", *arguments]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def test_roles_for_the_rules_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nodes are the cluster's; what runs in namespaces may be touched in those that are named, and nowhere else."""
    config = write(tmp_path)
    made = printed(capsys, "--config", config, "--namespace", "shop", "--namespace", "pay")
    assert [(one["kind"], one["metadata"]) for one in made] == [
        ("ClusterRole", {"name": "healer"}),
        ("ClusterRoleBinding", {"name": "healer"}),
        ("ClusterRole", {"name": "healer-repairs"}),
        ("RoleBinding", {"name": "healer-repairs", "namespace": "shop"}),
        ("RoleBinding", {"name": "healer-repairs", "namespace": "pay"}),
    ]
    assert made[0]["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"]}]
    assert made[2]["rules"] == [
        {"apiGroups": ["apps"], "resources": ["controllerrevisions", "replicasets"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets", "deployments", "statefulsets"], "verbs": ["get", "patch"]},
    ]
    assert made[1]["subjects"] == [{"kind": "ServiceAccount", "namespace": "healer", "name": "healer"}]


def test_a_topology_that_is_read_from_the_cluster(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Watching is allowed as well where the topology comes from the cluster, and for another account when asked."""
    config = write(tmp_path, "", "topology: {sources: [{kubernetes: {}}]}\n")
    assert main(["rbac", "--config", config, "--account", "ops/repair", "--json"]) == 0
    role, binding = json.loads(capsys.readouterr().out)["items"]
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"list", "watch"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "namespace": "ops", "name": "repair"}]


def test_requests_and_events_are_allowed_where_they_are_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects of requests are watched and their status is written; events are written where effects are had."""
    more = "executors: {kubernetes: {remediations: {}}}\n"
    wide, _, within, _ = printed(capsys, "--config", write(tmp_path, RULES, more))
    of_requests = [one for one in wide["rules"] if one["apiGroups"] == ["healer.internal"]]
    assert of_requests == [
        {"apiGroups": ["healer.internal"], "resources": ["remediations"], "verbs": ["list", "watch"]},
        {"apiGroups": ["healer.internal"], "resources": ["remediations/status"], "verbs": ["patch"]},
    ]
    events = {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create"]}
    assert events in wide["rules"]
    quiet = write(tmp_path, RULES, "executors: {kubernetes: {events: false, remediations: {namespaces: [shop]}}}\n")
    wide, _, within, _ = printed(capsys, "--config", quiet)
    assert events not in (*wide["rules"], *within["rules"])
    assert of_requests[0] in within["rules"]


@pytest.mark.parametrize(
    ("rules", "more", "why"),
    [
        ("", [], "no rule in use asks anything of a cluster"),
        ('rule "x"\n  then: nonsense', [], "the rules have mistakes: healer check --config"),
        (RULES, ["--account", "healer"], "expected NAMESPACE/NAME"),
    ],
)
def test_what_cannot_be_printed_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: str, more: list[str], why: str
) -> None:
    """An empty role, rules with mistakes or half an account: an error that says what to do, and no YAML."""
    assert main(["rbac", "--config", write(tmp_path, rules), *more]) != 0
    said = capsys.readouterr()
    assert not said.out
    assert why in said.err


def test_releases_of_helm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a rule does through helm needs Jobs of healer's, beside the workload that is meant."""
    rules = 'rule "back"\n  on event: "A"\n  then: execute("helm_rollback")\n'
    role, _ = printed(capsys, "--config", write(tmp_path, rules))
    assert {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get"]} in role["rules"]
