"""Git hosts tell a healer that runs as people start it of deployments, and people see them with what broke."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from healer.seams import SystemClock
from healer.times import MINUTE, Micros, format_rfc3339
from tests.servers.healer import Healer
from tests.servers.process import get, post
from tests.unit.changes.deliveries import (
    GITEE_PUSH,
    GITHUB_PUSH,
    GITHUB_STATUS,
    GITLAB_PUSH,
    WORD,
    gitee,
    github,
    gitlab,
)

CONFIG = """
server: {listen: "127.0.0.1:9099", auth: {bearer: [{file: token}]}}
store: {url: "sqlite:///data/healer.db"}
topology: {sources: [{file: topology.yaml}], nodes: [{node: "{on}"}]}
convergence: {hold: 0s}
watchdog: {missing_after: 1h}
changes:
  github: {secrets: [{file: word}]}
  gitee: {secrets: [{file: word}]}
  nodes:
    - {match: ['kind="deploy"', 'env="prod"'], node: "service/{name}"}
    - {match: ['source="gitee"'], node: "service/{name}"}
  max_body: 64KiB
"""
TOPOLOGY = json.dumps(
    {"nodes": [{"id": "service/shop"}, {"id": "pod/shop-1"}], "edges": [["service/shop", "pod/shop-1"]]}
)
Delivery = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module")
def healer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healer]:
    folder = tmp_path_factory.mktemp("changes")
    files = {"topology.yaml": TOPOLOGY, "token": "door", "word": WORD}
    with Healer(folder, CONFIG, files=files) as running:
        running.token = "door"
        yield running


def tell(healer: Healer, source: str, delivery: Delivery) -> Any:
    headers, body = delivery
    request = Request(f"{healer.url}/api/v1/webhooks/{source}", body, headers)
    with urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def refused(healer: Healer, source: str, delivery: Delivery) -> tuple[int, str]:
    with pytest.raises(HTTPError) as refusal:
        tell(healer, source, delivery)
    with refusal.value as answer:
        assert answer.headers["Content-Type"] == "application/problem+json"
        return answer.code, json.loads(answer.read())["detail"]


def deployment(state: str, at: Micros, *, id: str, number: int = 77) -> Delivery:
    """A state of a deployment of acme/shop to prod."""
    status = GITHUB_STATUS["deployment_status"] | {"state": state, "updated_at": format_rfc3339(at)}  # type: ignore[operator]  # a dictionary
    told = GITHUB_STATUS | {
        "deployment_status": status,
        "deployment": {"id": number, "sha": "1a2b3c4d5e", "ref": "main"},
    }
    return github("deployment_status", told, id=id)


def said(healer: Healer, *words: str) -> str:
    """What a command prints."""
    command = [str(Path(sys.executable).with_name("healer")), *words]
    return subprocess.run(
        [*command, "--url", healer.url, "--token-file", str(healer.folder / "token")],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout


def counted(healer: Healer, source: str, result: str) -> float:
    text = get(f"{healer.url}/metrics", within=10).decode()
    name = f'healer_changes_total{{source="{source}",result="{result}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


def test_a_deployment_stands_beside_what_it_broke_and_survives_a_restart(healer: Healer) -> None:
    """Told by GitHub, shown over HTTP and by the command line; delivered again it is known, also after a restart."""
    now = SystemClock().now()
    began = deployment("in_progress", now - 3 * MINUTE, id="r-1")
    assert tell(healer, "github", began)["nodes"] == ["service/shop"]
    assert tell(healer, "github", deployment("success", now - 2 * MINUTE, id="r-2"))["result"] == "recorded"
    assert tell(healer, "github", began) == {"result": "repeated", "why": "this delivery came before"}

    alert = [{"labels": {"alertname": "PodDown", "on": "pod/shop-1", "severity": "critical"}}]
    post(f"{healer.url}/api/v2/alerts", json.dumps(alert).encode(), within=10, token="door")
    found = healer.api("incidents")["items"][0]
    (change,) = found["changes"]
    assert change == {
        "source": "github",
        "delivery_id": "r-2",
        "repo": "acme/shop",
        "kind": "deploy",
        "env": "prod",
        "ref": "main",
        "sha": "1a2b3c4d5e",
        "state": "succeeded",
        "actor": "deployer",
        "commits": [],
        "at": format_rfc3339(now - 3 * MINUTE),
        "heard_at": format_rfc3339(now - 2 * MINUTE),
        "url": "https://ci.example/1",
        "nodes": ["service/shop"],
    }

    healer.restart()
    assert healer.api(f"incidents/{found['id']}")["changes"] == [change]
    assert tell(healer, "github", began)["result"] == "repeated"

    shown = said(healer, "incidents", "show", found["id"])
    assert "What changed before" in shown
    assert "deploy succeeded to prod" in shown
    assert "acme/shop deploy succeeded to prod, 3m" in said(healer, "why", "alertname=PodDown")


def test_other_events_are_counted_as_ignored(healer: Healer) -> None:
    """With 200: a host gives up a webhook that fails."""
    before = counted(healer, "github", "ignored")
    assert tell(healer, "github", github("ping", {}, id="i-1"))["result"] == "ignored"
    assert tell(healer, "github", github("star", {}, id="i-2"))["why"] == "star is no change"
    assert counted(healer, "github", "ignored") == before + 2


def test_what_touches_nothing_says_so(healer: Healer) -> None:
    """The host shows the answer to whoever looks why nothing comes of it."""
    assert tell(healer, "github", github("push", GITHUB_PUSH, id="n-1"))["nodes"] == []
    assert counted(healer, "github", "touches nothing") >= 1


def test_a_push_at_gitee_counts(healer: Healer) -> None:
    delivery = gitee(GITEE_PUSH, at=SystemClock().now())
    assert tell(healer, "gitee", delivery)["nodes"] == ["service/shop"]
    assert tell(healer, "gitee", delivery)["result"] == "repeated"


class TestTheDoor:
    """Strangers reach these three paths, and nothing behind them."""

    def test_a_wrong_signature_is_refused_and_counted(self, healer: Healer) -> None:
        before = counted(healer, "github", "signature")
        status, why = refused(healer, "github", github("push", GITHUB_PUSH, word="guessed"))
        assert (status, "X-Hub-Signature-256" in why) == (403, True)
        assert counted(healer, "github", "signature") == before + 1

    def test_a_host_without_a_secret_is_refused_and_told_what_to_set(self, healer: Healer) -> None:
        status, why = refused(healer, "gitlab", gitlab(GITLAB_PUSH))
        assert (status, "changes.gitlab.secrets" in why) == (403, True)

    def test_a_bearer_token_is_no_signature(self, healer: Healer) -> None:
        headers, body = github("push", GITHUB_PUSH, word="guessed")
        assert refused(healer, "github", (headers | {"Authorization": "Bearer door"}, body))[0] == 403

    def test_what_the_host_would_not_send_is_refused(self, healer: Healer) -> None:
        assert refused(healer, "github", github("push", {"ref": 1}))[0] == 400

    def test_a_large_delivery_is_refused_before_its_signature(self, healer: Healer) -> None:
        """And is no alert of healer's own: no alert was lost in it, and anybody can send one."""
        status, why = refused(healer, "github", github("push", None, raw=b"x" * (65 << 10)))
        assert (status, "changes.max_body" in why) == (413, True)
        link = http.client.HTTPConnection("127.0.0.1", healer.port, timeout=10)
        link.putrequest("POST", "/api/v1/webhooks/github")
        link.putheader("Expect", "100-continue")
        link.putheader("Content-Length", str(1 << 40))
        link.endheaders()
        assert link.getresponse().status == 413
        link.close()
        assert healer.api("alerts?filter=code=%22request%20too%20large%22")["total"] == 0

    @pytest.mark.parametrize("path", ["/api/v1/incidents", "/api/v2/alerts", "/api/v1/webhooks/alertmanager"])
    def test_other_paths_ask_for_credentials_as_before(self, healer: Healer, path: str) -> None:
        request = Request(f"{healer.url}{path}", b"[]", github("push", {})[0])
        with pytest.raises(HTTPError) as refusal:
            urlopen(request, timeout=10)
        refusal.value.close()
        assert refusal.value.code in (401, 405)

    def test_no_secret_and_no_body_is_logged(self, healer: Healer) -> None:
        """Gitee repeats the password in the body."""
        refused(healer, "gitee", gitee(GITEE_PUSH | {"password": "in-the-body"}, token="wrong-word"))
        log = healer.log
        assert "a change was refused" in log
        assert not [word for word in (WORD, "in-the-body", "wrong-word") if word in log]
