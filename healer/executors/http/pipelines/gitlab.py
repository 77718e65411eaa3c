"""A pipeline at GitLab, by its REST API. The intent is one of its variables, by which it is found again."""

from urllib.parse import quote, urlencode

import msgspec

from healer.executors.http.exchange import Reply, Request
from healer.executors.http.pipelines.hosts import INTENT, LISTED, NODE, Ask, Run, State, TooMany, decoded, get, post
from healer.executors.http.pipelines.settings import GitLabPipeline
from healer.executors.target import Order
from healer.times import SECOND, format_rfc3339

ENDED = {"success": True, "failed": False, "canceled": False, "skipped": False}
"""What a status says; by all others it goes on, or waits for somebody."""


class _Pipeline(msgspec.Struct, frozen=True):
    id: int
    status: str
    web_url: str = ""


class _Variable(msgspec.Struct, frozen=True):
    key: str
    value: str | None = None


_pipelines = msgspec.json.Decoder(list[_Pipeline])
_pipeline = msgspec.json.Decoder(_Pipeline)
_variables = msgspec.json.Decoder(list[_Variable])


class GitLab:
    """`Host` at GitLab."""

    def __init__(self, pipeline: GitLabPipeline) -> None:
        self._pipeline = pipeline
        self._api = f"{pipeline.url}/api/v4/projects/{quote(pipeline.project, safe='')}"
        self._headers = {"PRIVATE-TOKEN": pipeline.token.reveal(), "Accept": "application/json"}
        self.secrets = (pipeline.token,)
        self.words = f"a pipeline of {pipeline.project} on {pipeline.ref} at {pipeline.url}"
        self.unless = ""

    def start(self, order: Order) -> Request:
        given = {**self._pipeline.variables, INTENT: order.intent, NODE: order.target}
        said = {"ref": self._pipeline.ref, "variables": [{"key": key, "value": value} for key, value in given.items()]}
        headers = {**self._headers, "Content-Type": "application/json"}
        return post(f"{self._api}/pipeline", headers, msgspec.json.encode(said))

    def started(self, reply: Reply) -> Run | None:
        return _run(decoded(reply, _pipeline))

    async def find(self, ask: Ask, order: Order) -> Run | None:
        # What was started by the intent was changed since then; a little earlier, as clocks differ.
        since = order.ends_by - (order.deadline_s + 600) * SECOND
        query = {"source": "api", "ref": self._pipeline.ref, "per_page": str(LISTED)}
        if order.ends_by:
            query["updated_after"] = format_rfc3339(since)
        listed = decoded(await ask(self._get(f"/pipelines?{urlencode(query)}")), _pipelines)
        for one in listed:
            given = decoded(await ask(self._get(f"/pipelines/{one.id}/variables")), _variables)
            if any(each.key == INTENT and each.value == order.intent for each in given):
                return _run(one)
        if len(listed) >= LISTED:
            raise TooMany
        return None

    async def look(self, ask: Ask, run: Run) -> State:
        found = decoded(await ask(self._get(f"/pipelines/{run.id}")), _pipeline)
        return State(ENDED.get(found.status), found.status, _run(found))

    def _get(self, path: str) -> Request:
        return get(self._api + path, self._headers)


def _run(found: _Pipeline) -> Run:
    return Run(str(found.id), found.web_url)
