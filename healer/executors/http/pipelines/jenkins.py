"""A build at Jenkins, by its remote API. It waits in a queue first, where it has another number; both know the intent."""

import re
from urllib.parse import quote, urlencode

import msgspec

from healer.executors.http.exchange import Reply, Request
from healer.executors.http.pipelines.hosts import (
    INTENT,
    LISTED,
    NODE,
    Ask,
    Run,
    State,
    TooMany,
    basic,
    decoded,
    get,
    post,
)
from healer.executors.http.pipelines.settings import JenkinsPipeline
from healer.executors.target import Order
from healer.times import MILLISECOND, SECOND

_ITEM = re.compile(r"/queue/item/([0-9]{1,18})/?$")
_PARAMETERS = "actions[parameters[name,value]]"


class _Parameter(msgspec.Struct, frozen=True):
    name: str
    value: object = None


class _Action(msgspec.Struct, frozen=True):
    parameters: list[_Parameter] = []


class _Executable(msgspec.Struct, frozen=True):
    number: int


class _Item(msgspec.Struct, frozen=True):
    id: int
    cancelled: bool = False
    executable: _Executable | None = None
    why: str | None = None
    actions: list[_Action] = []


class _Queue(msgspec.Struct, frozen=True):
    items: list[_Item]


class _Build(msgspec.Struct, frozen=True):
    number: int
    building: bool = False
    result: str | None = None
    timestamp: int = 0
    actions: list[_Action] = []


class _Builds(msgspec.Struct, frozen=True):
    builds: list[_Build]


_item = msgspec.json.Decoder(_Item)
_queue = msgspec.json.Decoder(_Queue)
_build = msgspec.json.Decoder(_Build)
_builds = msgspec.json.Decoder(_Builds)


class Jenkins:
    """`Host` at Jenkins. A run's id is `queue/7` or `build/12`."""

    def __init__(self, pipeline: JenkinsPipeline) -> None:
        self._pipeline = pipeline
        self._job = pipeline.url + "".join(f"/job/{quote(part)}" for part in pipeline.job.split("/"))
        self._headers = {"Authorization": basic(pipeline.user, pipeline.token), "Accept": "application/json"}
        self.secrets = (pipeline.token,)
        self.words = f"the job {pipeline.job} at {pipeline.url}"
        self.unless = f"the job {pipeline.job} does not declare {INTENT}"

    def start(self, order: Order) -> Request:
        given = {**self._pipeline.parameters, INTENT: order.intent, NODE: order.target}
        headers = {**self._headers, "Content-Type": "application/x-www-form-urlencoded"}
        return post(f"{self._job}/buildWithParameters", headers, urlencode(given).encode())

    def started(self, reply: Reply) -> Run | None:
        # Only the number counts: behind a proxy the address may be one that healer does not reach.
        where = {key.lower(): value for key, value in reply.headers.items()}.get("location", "")
        found = _ITEM.search(where)
        return Run(f"queue/{found[1]}") if found else None

    async def find(self, ask: Ask, order: Order) -> Run | None:
        waiting = decoded(await ask(self._get(f"{self._pipeline.url}/queue", f"items[id,{_PARAMETERS}]")), _queue)
        for item in waiting.items:
            if _is_of(item.actions, order):
                return Run(f"queue/{item.id}")
        tree = f"builds[number,building,result,timestamp,{_PARAMETERS}]{{0,{LISTED}}}"
        builds = decoded(await ask(self._get(self._job, tree)), _builds).builds
        for build in builds:
            if _is_of(build.actions, order):
                return self._built(build.number)
        since = order.ends_by - (order.deadline_s + 600) * SECOND
        if len(builds) >= LISTED and (not order.ends_by or min(one.timestamp for one in builds) * MILLISECOND > since):
            raise TooMany
        return None

    async def look(self, ask: Ask, run: Run) -> State:
        kind, _, number = run.id.partition("/")
        if kind == "queue":
            item = decoded(await ask(self._get(f"{self._pipeline.url}/queue/item/{number}", "")), _item)
            if item.cancelled:
                return State(False, "taken out of the queue", run)
            if item.executable is None:
                return State(None, item.why or "in the queue", run)
            run = self._built(item.executable.number)
        build = decoded(await ask(self._get(f"{self._job}/{run.id.partition('/')[2]}", "")), _build)
        if build.building or build.result is None:
            return State(None, "building", run)
        return State(build.result == "SUCCESS", build.result, run)

    def _built(self, number: int) -> Run:
        return Run(f"build/{number}", f"{self._job}/{number}/")

    def _get(self, url: str, tree: str) -> Request:
        return get(f"{url}/api/json" + (f"?{urlencode({'tree': tree})}" if tree else ""), self._headers)


def _is_of(actions: list[_Action], order: Order) -> bool:
    return any(one.name == INTENT and one.value == order.intent for action in actions for one in action.parameters)
