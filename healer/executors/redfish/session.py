"""A machine's power over Redfish: one session, closed behind it. Called by `target`.

Every address below the service root is one that the BMC itself named, and is asked of that BMC alone.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_network
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from healer.documents.fields import Secret
from healer.executors.http.exchange import Reply, Request, always, exchange
from healer.executors.http.pipelines.hosts import basic
from healer.executors.http.reach import Reach, Trust
from healer.executors.once import Lost, Unsent
from healer.executors.redfish.chassis import Answer
from healer.executors.redfish.power import Step
from healer.executors.redfish.system import ActionInfo, ComputerSystem, Members, Root, System, is_named, system
from healer.executors.redfish.words import refusal, said
from healer.executors.target import Go
from healer.times import SECOND, Micros

ROOT = "/redfish/v1/"
ANSWER_BYTES = 1 << 20
"""Of one answer."""
MEMBERS = 32
"""Machines that are looked through at most for the one that is meant."""
CLOSE_S = 5.0
"""Seconds for closing a session; a BMC ends by itself what nobody closed."""
BUSY = (409, 423, 429, 503)
"""Not now: another time it may."""
_ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
"""BMCs are named by the settings, one by one, and are in private networks."""

T = TypeVar("T")


class Door(msgspec.Struct, frozen=True):
    """A BMC, and who knocks. `serial` names the machine, "" where it has but one."""

    url: str
    trust: Trust
    user: str
    password: Secret
    serial: str
    timeout: Micros


class Redfish:
    """`Chassis` over an open session."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._reach = Reach(_ANYWHERE, door.trust)
        self._headers: dict[str, str] = {}
        self._session = self._system = self._target = self._tag = ""
        """Where each is, as the BMC itself said; and the version of the system that was seen."""

    async def look(self) -> System:
        reply = await self._get(self._system)
        found, headers = _read(reply, _computer_system), _lowered(reply)
        self._tag = headers.get("etag", "")
        resets: tuple[str, ...] = ()
        if found.reset.info and not found.reset.values:
            resets = _read(await self._get(found.reset.info), _action_info).of("ResetType")
        self._target = found.reset.target
        return system(found, resets, _date(headers.get("date", "")))

    async def send(self, step: Step, go: Go) -> Answer:
        if step.reset and not self._target:
            raise Unsent(f"{self._door.url} says no way to reset this system", lasting=True)
        if step.reset:
            request = self._request("POST", self._target, {"ResetType": step.reset})
        else:
            boot = {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": step.boot}
            tag = {"If-Match": self._tag} if self._tag else {}
            request = self._request("PATCH", self._system, {"Boot": boot}, tag)
        reply = await exchange(request, self._reach, go)
        words = said(reply.body)
        if reply.status in (502, 504):
            raise Lost(f"{request.host} answered HTTP {reply.status}")
        if reply.status in BUSY or 300 <= reply.status < 500:
            raise _refused(request.host, reply)
        if reply.status >= 500:
            return Answer(words, code=reply.status)
        return Answer(words, task=_lowered(reply).get("location", "") if reply.status == 202 else "")

    async def ended(self, answer: Answer) -> str | None:
        if not answer.task:
            return ""
        reply = await self._asked(self._request("GET", answer.task))
        if reply.status == 202 or reply.status in BUSY:
            return None
        if reply.status >= 400:
            # A monitor goes when its task is over and was looked at; another refusal is how the task ended.
            return "" if reply.status in (404, 410) else refusal(urlsplit(self._door.url).hostname or "", reply)
        with suppress(msgspec.DecodeError):
            state = _task.decode(reply.body).state
            if state in _FAILED:
                return f"its task ended as {state}"
            if state in _RUNNING:
                return None
        return ""

    async def open(self) -> None:
        """Sign in, and find the machine. Raises Unsent."""
        root = _read(await self._get(ROOT), _root)
        if root.systems is None:
            raise Unsent(f"{self._door.url} has no systems")
        await self._sign_in(root.sessions)
        await self._find(root.systems.path)

    async def close(self) -> None:
        """Give the session back: a BMC has few."""
        if self._session:
            with suppress(Unsent, Lost, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await exchange(self._request("DELETE", self._session), self._reach, always)

    async def _sign_in(self, sessions: str) -> None:
        door = self._door
        if not sessions:
            self._headers = {"Authorization": basic(door.user, door.password)}
            return
        given = {"UserName": door.user, "Password": door.password.reveal()}
        reply = await self._asked(self._request("POST", sessions, given))
        if reply.status in (404, 405, 501):
            self._headers = {"Authorization": basic(door.user, door.password)}
            return
        self._accepted(reply)
        headers = _lowered(reply)
        self._session = headers.get("location", "")
        self._headers = {"X-Auth-Token": headers.get("x-auth-token", "")}

    async def _find(self, systems: str) -> None:
        """The one machine, or the one that is meant. Raises Unsent."""
        door = self._door
        listed = _read(await self._get(systems), _members).members
        if len(listed) > MEMBERS:
            raise Unsent(f"{door.url} has {len(listed)} systems, more than {MEMBERS}", lasting=True)
        seen: list[tuple[str, ...]] = []
        for one in listed:
            found = _read(await self._get(one.path), _computer_system)
            seen.append(found.serials)
            if is_named(door.serial, found.serials) or (not door.serial and len(listed) == 1):
                self._system = one.path
                return
        there = "; ".join(" or ".join(serials) or "one without a serial number" for serials in seen) or "none"
        wanted = f"{door.serial} is none of the systems" if door.serial else "`serial` has to say which of the systems"
        raise Unsent(f"{wanted} of {door.url}: {there}", lasting=True)

    async def _get(self, path: str) -> Reply:
        return self._accepted(await self._asked(self._request("GET", path)))

    async def _asked(self, request: Request) -> Reply:
        """A look, or a session: without an answer nothing was done. Raises Unsent."""
        try:
            return await exchange(request, self._reach, always)
        except Lost as error:
            raise Unsent(str(error)) from None

    def _accepted(self, reply: Reply) -> Reply:
        if reply.cut or not 200 <= reply.status < 300:
            raise _refused(urlsplit(self._door.url).hostname or "", reply)
        return reply

    def _request(
        self,
        method: str,
        path: str,
        said: object = None,
        more: dict[str, str] = {},  # noqa: B006 - nobody writes to it
    ) -> Request:
        there = urlsplit(urljoin(self._door.url + "/", path))
        # Whatever host an answer names: this BMC is asked, which is the one that proved itself.
        url = self._door.url + there.path + (f"?{there.query}" if there.query else "")
        headers = {"Accept": "application/json", "OData-Version": "4.0", **self._headers, **more}
        body = b"" if said is None else msgspec.json.encode(said)
        if body:
            headers["Content-Type"] = "application/json"
        return Request(method, url, headers, body, self._door.timeout / SECOND, ANSWER_BYTES)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Redfish]:
    """The machine's power, its session closed afterwards. Raises Unsent where it cannot be had."""
    redfish = Redfish(door)
    try:
        await redfish.open()
        yield redfish
    finally:
        await redfish.close()


class _Task(msgspec.Struct, frozen=True):
    state: str = msgspec.field(name="TaskState", default="")


_root = msgspec.json.Decoder(Root)
_computer_system = msgspec.json.Decoder(ComputerSystem)
_members = msgspec.json.Decoder(Members)
_action_info = msgspec.json.Decoder(ActionInfo)
_task = msgspec.json.Decoder(_Task)


_FAILED = frozenset({"Exception", "Killed", "Cancelled"})
_RUNNING = frozenset(
    {"New", "Starting", "Running", "Pending", "Stopping", "Cancelling", "Suspended", "Interrupted", "Service"}
)


def _refused(host: str, reply: Reply) -> Unsent:
    later = reply.status in BUSY
    # What is missing may be all of Redfish, on a BMC that has but IPMI.
    return Unsent(
        refusal(host, reply), lasting=300 <= reply.status < 500 and reply.status != 404 and not later, later=later
    )


def _read(reply: Reply, shape: msgspec.json.Decoder[T]) -> T:
    try:
        return shape.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unsent(f"the BMC's answer cannot be read: {error}") from None


def _lowered(reply: Reply) -> dict[str, str]:
    return {name.lower(): value for name, value in reply.headers.items()}


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
