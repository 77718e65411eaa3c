"""What deploy/kubernetes holds is what healer needs: its configuration loads, its roles are those that healer prints."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from healer.cli.main import main
from healer.executors.kubernetes.settings import Requests
from healer.kubernetes.names import GROUP, REMEDIATIONS, VERSION
from healer.requests.resource import KINDS
from healer.settings import parse_settings
from tests.standins.cluster.schema import definition, held, schema

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text("utf-8")))


def configuration() -> str:
    (found,) = (one for one in documents("healer.yaml") if one["kind"] == "ConfigMap")
    return str(found["data"]["healer.yaml"])


def test_the_definition_is_of_what_healer_watches() -> None:
    """Group, version, resource and the kinds that may be named are the same; status is a subresource; people see columns."""
    spec = definition()["spec"]
    (version,) = spec["versions"]
    assert (spec["group"], version["name"], spec["names"]["plural"]) == (GROUP, VERSION, REMEDIATIONS)
    assert version["subresources"] == {"status": {}}
    assert [one["name"] for one in version["additionalPrinterColumns"]][:4] == ["Action", "Kind", "Target", "State"]
    properties = schema()["properties"]["spec"]["properties"]
    for named in ("target", "verify"):
        assert set(properties[named]["properties"]["kind"]["enum"]) == set(KINDS)


def test_the_example_is_a_request() -> None:
    """By the schema, without a field that a server would take out."""
    (example,) = documents("remediation-example.yaml")
    faults: list[str] = []
    assert held(example["spec"], schema()["properties"]["spec"], "spec", faults) == {
        **example["spec"],
        "severity": "info",
    }
    assert faults == []


def test_the_configuration_loads() -> None:
    """It is complete: nothing but the token comes from elsewhere."""
    settings = parse_settings(configuration(), {"HEALER_TOKEN": "t" * 32})
    assert (settings.place, settings.rules.dry_run) == ("shadow", True)
    assert settings.executors.kubernetes is not None
    assert settings.executors.kubernetes.remediations == Requests(of_the_cluster=("healer",))


def test_the_roles_are_those_that_healer_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For that configuration, and no more."""
    monkeypatch.setenv("HEALER_TOKEN", "t" * 32)
    file = tmp_path / "healer.yaml"
    file.write_text(configuration())
    assert main(["rbac", "--config", str(file)]) == 0
    assert list(yaml.safe_load_all(capsys.readouterr().out)) == documents("roles.yaml")


def test_the_parts_of_the_deployment_fit() -> None:
    """Account, volumes, ports and labels are those that are there; it runs as nobody and writes nowhere but on its volume."""
    found = {one["kind"]: one for one in documents("healer.yaml")}
    deployment, service = found["Deployment"]["spec"], found["Service"]["spec"]
    pod = deployment["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    assert deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"] == service["selector"]
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    assert deployment["strategy"] == {"type": "Recreate"}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    settings = parse_settings(configuration(), {"HEALER_TOKEN": "t" * 32})
    assert [one["containerPort"] for one in container["ports"]] == [settings.server.port]
