"""A workflow run at GitHub, by its REST API. The run's name has the intent, by which it is found: starting it tells no id."""

from urllib.parse import urlencode

import msgspec

from healer.executors.http.exchange import Reply, Request
from healer.executors.http.pipelines.hosts import INTENT, LISTED, NODE, Ask, Run, State, TooMany, decoded, get, post
from healer.executors.http.pipelines.settings import GitHubPipeline
from healer.executors.target import Order
from healer.times import SECOND, format_rfc3339

VERSION = "2022-11-28"
"""Of the API."""


class _WorkflowRun(msgspec.Struct, frozen=True):
    id: int
    status: str | None = None
    conclusion: str | None = None
    display_title: str | None = None
    html_url: str = ""


class _Runs(msgspec.Struct, frozen=True):
    workflow_runs: list[_WorkflowRun]


_workflow_run = msgspec.json.Decoder(_WorkflowRun)
_runs = msgspec.json.Decoder(_Runs)


class GitHub:
    """`Host` at GitHub."""

    def __init__(self, pipeline: GitHubPipeline) -> None:
        self._pipeline = pipeline
        self._api = f"{pipeline.url}/repos/{pipeline.repo}/actions"
        self._headers = {
            "Authorization": f"Bearer {pipeline.token.reveal()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": VERSION,
        }
        self.secrets = (pipeline.token,)
        self.words = f"{pipeline.workflow} of {pipeline.repo} on {pipeline.ref} at {pipeline.url}"
        self.unless = f"the run-name of {pipeline.workflow} lacks ${{{{ inputs.healer_intent }}}}"

    def start(self, order: Order) -> Request:
        given = {**self._pipeline.inputs, INTENT.lower(): order.intent, NODE.lower(): order.target}
        said = {"ref": self._pipeline.ref, "inputs": given}
        headers = {**self._headers, "Content-Type": "application/json"}
        return post(f"{self._api}/workflows/{self._pipeline.workflow}/dispatches", headers, msgspec.json.encode(said))

    def started(self, reply: Reply) -> Run | None:  # noqa: ARG002 - part of the port
        return None

    async def find(self, ask: Ask, order: Order) -> Run | None:
        query = {"event": "workflow_dispatch", "per_page": str(LISTED)}
        if order.ends_by:
            # A little earlier, as clocks differ.
            since = order.ends_by - (order.deadline_s + 600) * SECOND
            query["created"] = f">={format_rfc3339(since)}"
        path = f"{self._api}/workflows/{self._pipeline.workflow}/runs?{urlencode(query)}"
        listed = decoded(await ask(get(path, self._headers)), _runs).workflow_runs
        for one in listed:
            if order.intent in (one.display_title or "").split():
                return Run(str(one.id), one.html_url)
        if len(listed) >= LISTED:
            raise TooMany
        return None

    async def look(self, ask: Ask, run: Run) -> State:
        found = decoded(await ask(get(f"{self._api}/runs/{run.id}", self._headers)), _workflow_run)
        after = Run(run.id, found.html_url)
        if found.status != "completed":
            return State(None, found.status or "waiting", after)
        return State(found.conclusion == "success", found.conclusion or "ended", after)
