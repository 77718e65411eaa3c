"""A BMC that speaks Redfish, by the habits of real ones: an odd id, few sessions, few reset types, power that takes its time.

It knows who signed in, says which reset types it carries out (itself, or in an ActionInfo), refuses what makes no sense as the
machine is, and answers a reset before anything has happened, at once or with a task.
"""

import base64
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.standins.authority import Authority, OverTls
from tests.standins.provider import Fault

USER, PASSWORD = "healer", "pa55word"
SERIAL = "CZ2401ABCD"
ROOT = "/redfish/v1/"
SYSTEMS, SESSIONS = "/redfish/v1/Systems", "/redfish/v1/SessionService/Sessions"
TASK = "/redfish/v1/TaskService/Tasks/7/Monitor"


@dataclass
class Machine:
    """One machine below a BMC. `changes` are states of its power that are still to come, each with when."""

    id: str = "System.Embedded.1"
    serial: str = SERIAL
    power: str = "On"
    boots_once: str = ""
    reset_at: float = 1_700_000_000.0
    changes: list[tuple[float, str]] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"{SYSTEMS}/{self.id}"

    def as_of(self, now: float) -> str:
        """Its power, with all that came about by now."""
        while self.changes and self.changes[0][0] <= now:
            self.reset_at, self.power = self.changes.pop(0)
        return self.power


class Bmc(OverTls):
    """One BMC. `resets` are the effects that there were. `takes`: seconds that a change takes to begin, and again to end."""

    def __init__(self, authority: Authority, *machines: Machine, slow: float = 30.0) -> None:
        super().__init__(slow=slow)
        self.authority = authority
        self.machines = machines or (Machine(),)
        self.sessions: dict[str, str] = {}
        self.slots, self.most_open, self.opened = 2, 0, 0
        self.resets: list[str] = []
        self.allowed = ["On", "ForceOff", "GracefulRestart", "ForceRestart", "PowerCycle"]
        self.in_action_info = False
        self.tells_resets = True
        self.takes = 0.0
        self.task = 0.0
        """Seconds that a task takes; 0 answers without one."""
        self.task_state = "Completed"
        self.answer: tuple[int, str] = (204, "")
        """How a reset is answered, and what its message says. From 400 on nothing is done."""
        self.ahead = 0.0
        """By how much its clock is wrong, in seconds."""
        self._task_ends = 0.0

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        now, asked = self.clock(), (request.method, request.path)
        said = json.loads(body) if body else {}
        if asked == ("GET", ROOT):
            return self._json({"Systems": {"@odata.id": SYSTEMS}, "Links": {"Sessions": {"@odata.id": SESSIONS}}})
        if asked == ("POST", SESSIONS):
            return self._sign_in(said)
        basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("X-Auth-Token") not in self.sessions and request.headers.get("Authorization") != basic:
            return error(401, "NoValidSession", "There is no valid session.")
        if request.method == "DELETE" and request.path.startswith(SESSIONS):
            return self._sign_out(request.path)
        if asked == ("GET", SYSTEMS):
            members = [{"@odata.id": one.path} for one in self.machines]
            return self._json({"Members": members, "Members@odata.count": len(members)})
        if asked == ("GET", TASK):
            over = now >= self._task_ends
            state = {"@odata.id": TASK, "TaskState": self.task_state if over else "Running"}
            return self._json(state, status=200 if over else 202)
        for machine in self.machines:
            if request.path.startswith(machine.path):
                return self._machine(machine, request, said, now)
        return error(404, "ResourceMissingAtURI", "There is no such resource.")

    def _machine(self, machine: Machine, request: web.Request, said: Any, now: float) -> web.Response:
        rest = request.path.removeprefix(machine.path)
        tag = f'W/"{machine.power}{machine.boots_once}"'
        if (request.method, rest) == ("GET", ""):
            return self._json(self._shown(machine, now), headers={"ETag": tag})
        if (request.method, rest) == ("GET", "/ResetActionInfo"):
            return self._json({"Parameters": [{"Name": "ResetType", "AllowableValues": self.allowed}]})
        if (request.method, rest) == ("POST", "/Actions/ComputerSystem.Reset"):
            return self._reset(machine, str(said.get("ResetType")), now)
        if (request.method, rest) == ("PATCH", ""):
            if request.headers.get("If-Match") != tag:
                return error(412, "PreconditionFailed", "The ETag does not match.")
            assert said["Boot"]["BootSourceOverrideEnabled"] == "Once"
            machine.boots_once = said["Boot"]["BootSourceOverrideTarget"]
            return web.Response(status=204)
        return error(405, "OperationNotAllowed", "This is not allowed.")

    def _shown(self, machine: Machine, now: float) -> dict[str, Any]:
        reset: dict[str, Any] = {"target": f"{machine.path}/Actions/ComputerSystem.Reset"}
        if self.in_action_info:
            reset["@Redfish.ActionInfo"] = f"{machine.path}/ResetActionInfo"
        else:
            reset["ResetType@Redfish.AllowableValues"] = self.allowed
        shown: dict[str, Any] = {
            "@odata.id": machine.path,
            "Name": "System",
            "SerialNumber": machine.serial,
            "UUID": None,
            "PowerState": machine.as_of(now),
            "Actions": {"#ComputerSystem.Reset": reset},
            "Boot": {
                "BootSourceOverrideEnabled": "Once" if machine.boots_once else "Disabled",
                "BootSourceOverrideTarget": machine.boots_once or "None",
                "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "BiosSetup"],
            },
        }
        if not self.allowed:
            del shown["Actions"]
        if self.tells_resets:
            at = datetime.fromtimestamp(machine.reset_at + self.ahead, UTC)
            shown["LastResetTime"] = at.isoformat(timespec="seconds")
        return shown

    def _reset(self, machine: Machine, type: str, now: float) -> web.Response:
        status, message = self.answer
        if status >= 400 and status != 500:
            return error(status, "GeneralError", message)
        if type not in self.allowed:
            return error(400, "ActionParameterNotSupported", f"{type} is not supported.")
        if (type == "On") is (machine.as_of(now) == "On"):
            return error(409, "ResourceInUse", f"It is {machine.power} already.")
        self.resets.append(type)
        if status == 500:
            return error(500, "InternalError", message)
        between = [] if type in ("On", "ForceRestart") else [(now + self.takes, "Off")]
        machine.changes = [*between, (now + 2 * self.takes, "On")]
        if self.task:
            self._task_ends = now + self.task
            return web.Response(status=202, headers={"Location": TASK})
        if not message:
            return web.Response(status=status)
        return self._json({"@Message.ExtendedInfo": [{"Message": message}]}, status=200)

    def _sign_in(self, said: dict[str, str]) -> web.Response:
        if (said.get("UserName"), said.get("Password")) != (USER, PASSWORD):
            return error(401, "InsufficientPrivilege", "Who are you?")
        if len(self.sessions) >= self.slots:
            return error(503, "SessionLimitExceeded", "There are too many sessions.")
        self.opened += 1
        token, where = f"token-{self.opened}", f"{SESSIONS}/{self.opened}"
        self.sessions[token] = where
        self.most_open = max(self.most_open, len(self.sessions))
        return web.Response(status=201, headers={"X-Auth-Token": token, "Location": where})

    def _sign_out(self, path: str) -> web.Response:
        self.sessions = {token: where for token, where in self.sessions.items() if where != path}
        return web.Response(status=204)

    def _json(self, said: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.clock() + self.ahead))
        return web.json_response(said, status=status, headers={"Date": date, **(headers or {})})


def error(status: int, id: str, message: str) -> web.Response:
    """As Redfish says no."""
    extended = [{"MessageId": f"Base.1.8.{id}", "Message": message, "Severity": "Critical", "Resolution": "None."}]
    said = {"error": {"code": f"Base.1.8.{id}", "message": message, "@Message.ExtendedInfo": extended}}
    return web.json_response(said, status=status)
