"""POST /-/reload: read the configuration, the topology's files and the rules again, all of them or none."""

import msgspec
from aiohttp import web

from healer.documents.problems import Problem as Wrong
from healer.reload import NotReloaded
from healer.web import acting
from healer.web.ports import Service
from healer.web.problems import Fault, Problem
from healer.web.query import as_json

STATUS = {"wrong": 400, "restart": 409, "unavailable": 503}
RETRY_SECONDS = 5


class InFile(Fault, frozen=True):
    """A mistake in a file. Line and column count from 1; 0 where the file has no such place."""

    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""


def routes(service: Service) -> list[web.RouteDef]:
    again = service.reload
    if again is None:
        return []

    async def reload(request: web.Request) -> web.Response:
        await acting.note(service, request, "reload asked for")
        try:
            return as_json(msgspec.to_builtins(await again()))
        except NotReloaded as error:
            status = STATUS[error.because]
            faults = [_fault(problem) for problem in error.problems]
            detail = f"not reloaded, what ran before runs on: {error}"
            raise Problem(status, detail, faults, retry_after=RETRY_SECONDS if status == 503 else 0) from None

    return [web.post("/-/reload", reload)]


def _fault(wrong: Wrong) -> InFile:
    pointer = "/" + wrong.key.replace("[", ".").replace("]", "").replace(".", "/") if wrong.key else ""
    return InFile(
        pointer=pointer, detail=str(wrong), file=wrong.file, line=wrong.line, column=wrong.column, key=wrong.key
    )
