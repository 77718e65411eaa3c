"""GitLab, GitHub and Jenkins as far as pipelines go: who may, what they were given, how far they are.

Each keeps to what the real one does: GitHub answers 204 without an id and refuses inputs that are not declared, GitLab answers
with the pipeline, Jenkins with a place in its queue, and drops parameters that the job does not declare.
"""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from aiohttp import web

from tests.standins.provider import Fault, Provider

TOKEN = "t0ken"
INTENT, NODE = "HEALER_INTENT", "HEALER_NODE"


@dataclass
class Started:
    """One run. `looks`: how many looks it takes until it ends, `well` how."""

    id: int
    given: dict[str, str]
    looks: int
    well: bool
    in_queue: bool = True

    def looked_at(self) -> bool:
        """Whether it has ended by this look."""
        self.looks -= 1
        return self.looks < 0


class Pipelines(Provider):
    """All three at one address. `well`, `looks` and `declared` are those of what is started next; `named`: whether
    GitHub's runs have the intent in their names."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Started] = []
        self.well, self.looks = True, 2
        self.declared = {INTENT, NODE, "weight"}
        self.named = True

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        address = urlsplit(request.raw_path)
        path, query = unquote(address.path), {key: values[0] for key, values in parse_qs(address.query).items()}
        if request.headers.get("PRIVATE-TOKEN") == TOKEN and path.startswith("/api/v4/projects/acme/shop/pipeline"):
            return self._gitlab(request.method, path.removeprefix("/api/v4/projects/acme/shop/"), query, body)
        if request.headers.get("Authorization") == f"Bearer {TOKEN}" and path.startswith("/repos/acme/shop/actions/"):
            return self._github(request.method, path.removeprefix("/repos/acme/shop/actions/"), query, body)
        if request.headers.get("Authorization") == "Basic " + base64.b64encode(f"healer:{TOKEN}".encode()).decode():
            return self._jenkins(request.method, path, query, body)
        return web.json_response({"message": "401 Unauthorized"}, status=401)

    def _start(self, given: dict[str, str]) -> Started:
        self.runs.append(Started(len(self.runs) + 1, given, self.looks, self.well))
        return self.runs[-1]

    def _gitlab(self, method: str, path: str, query: dict[str, str], body: bytes) -> web.Response:
        def shown(run: Started, status: str) -> dict[str, Any]:
            return {"id": run.id, "status": status, "web_url": f"https://ci.example/{run.id}"}

        if method == "POST" and path == "pipeline":
            said = json.loads(body)
            if said["ref"] != "main":
                return web.json_response({"message": {"base": ["Reference not found"]}}, status=400)
            run = self._start({each["key"]: each["value"] for each in said["variables"]})
            return web.json_response(shown(run, "created"), status=201)
        if path == "pipelines":
            assert query["source"] == "api"
            newest = self.runs[::-1][: int(query["per_page"])]
            return web.json_response([shown(run, "running") for run in newest])
        _, id, *what = path.split("/")
        run = self.runs[int(id) - 1]
        if what == ["variables"]:
            return web.json_response([{"key": key, "value": value} for key, value in run.given.items()])
        return web.json_response(shown(run, ("success" if run.well else "failed") if run.looked_at() else "running"))

    def _github(self, method: str, path: str, query: dict[str, str], body: bytes) -> web.Response:
        def shown(run: Started, conclusion: str | None) -> dict[str, Any]:
            title = f"redeploy {run.given['healer_node']} {run.given['healer_intent']}" if self.named else "redeploy"
            status = "completed" if conclusion else "in_progress"
            url = f"https://ci.example/{run.id}"
            return {
                "id": run.id,
                "status": status,
                "conclusion": conclusion,
                "display_title": title,
                "html_url": url,
                "event": "workflow_dispatch",
            }

        if method == "POST" and path == "workflows/redeploy.yml/dispatches":
            said = json.loads(body)
            if set(said["inputs"]) - {name.lower() for name in self.declared}:
                return web.json_response({"message": "Unexpected inputs provided"}, status=422)
            self._start(said["inputs"])
            return web.Response(status=204)
        if path == "workflows/redeploy.yml/runs":
            assert query["event"] == "workflow_dispatch"
            newest = self.runs[::-1][: int(query["per_page"])]
            return web.json_response(
                {"total_count": len(self.runs), "workflow_runs": [shown(run, None) for run in newest]}
            )
        run = self.runs[int(path.removeprefix("runs/")) - 1]
        return web.json_response(shown(run, ("success" if run.well else "failure") if run.looked_at() else None))

    def _jenkins(self, method: str, path: str, query: dict[str, str], body: bytes) -> web.Response:
        def parameters(run: Started) -> list[dict[str, Any]]:
            return [{}, {"parameters": [{"name": key, "value": value} for key, value in run.given.items()]}]

        if method == "POST" and path == "/job/shop/job/redeploy/buildWithParameters":
            given = {key: values[0] for key, values in parse_qs(body.decode()).items() if key in self.declared}
            run = self._start(given)
            return web.Response(status=201, headers={"Location": f"http://jenkins.invalid/queue/item/{run.id + 100}/"})
        if path == "/queue/api/json":
            waiting = [run for run in self.runs if run.in_queue]
            return web.json_response({"items": [{"id": run.id + 100, "actions": parameters(run)} for run in waiting]})
        if path.startswith("/queue/item/"):
            run = self.runs[int(path.split("/")[3]) - 101]
            shown = {"id": run.id + 100, "why": "In the quiet period", "actions": parameters(run)}
            if run.in_queue:
                run.in_queue = False
                return web.json_response(shown)
            return web.json_response(shown | {"cancelled": False, "executable": {"number": run.id}})
        if path == "/job/shop/job/redeploy/api/json":
            built = [run for run in self.runs[::-1] if not run.in_queue][:100]
            builds = [
                {"number": run.id, "timestamp": int(self.clock() * 1000), "actions": parameters(run)} for run in built
            ]
            return web.json_response({"builds": builds})
        run = self.runs[int(path.split("/")[-3]) - 1]
        ended = run.looked_at()
        result = ("SUCCESS" if run.well else "FAILURE") if ended else None
        return web.json_response({"number": run.id, "building": not ended, "result": result})
