"""A machine's power by ipmitool, where Redfish cannot be reached. Called by `target`.

The password is in the program's environment, never among its arguments, which everybody on the machine can read.
"""

import asyncio
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress

import msgspec

from healer.documents.fields import Secret
from healer.executors.once import Lost, Stopped, Unsent
from healer.executors.redfish.chassis import Answer
from healer.executors.redfish.power import Step
from healer.executors.redfish.system import System, is_named
from healer.executors.target import Go
from healer.times import SECOND, Micros

RESETS = {"PowerCycle": ("chassis", "power", "cycle"), "On": ("chassis", "power", "on")}
"""By reset type, its command. A graceful restart has none: `soft` turns a machine off, and something else has to turn it on."""
BOOTS = {"Pxe": "pxe", "Hdd": "disk", "Cd": "cdrom", "BiosSetup": "bios"}
OUTPUT_BYTES = 64 << 10
NOT_SENT = ("Unable to establish", "Address lookup", "Could not open socket", "command not supported")
"""With these words ipmitool says that the BMC heard of nothing, or cannot do it."""
_POWER = re.compile(r"Chassis Power is (on|off)", re.IGNORECASE)
_SERIAL = re.compile(r"(?:Chassis|Board|Product) Serial\s*:\s*(\S+)")


class Lan(msgspec.Struct, frozen=True):
    """A BMC that speaks IPMI, and who knocks."""

    program: str
    host: str
    user: str
    password: Secret
    cipher: int
    serial: str
    timeout: Micros


class Ipmi:
    """`Chassis` by a program of its own for each command."""

    def __init__(self, lan: Lan) -> None:
        self._lan = lan

    async def identify(self) -> None:
        """Whether it is the machine that was meant. Raises Unsent."""
        serials = tuple(_SERIAL.findall(await self._asked("fru", "print")))
        if not is_named(self._lan.serial, serials):
            there = " or ".join(serials) or "has no serial number"
            raise Unsent(f"{self._lan.serial} is not the machine at {self._lan.host}: it {there}", lasting=True)

    async def look(self) -> System:
        said = await self._asked("chassis", "power", "status")
        found = _POWER.search(said)
        power = found[1].capitalize() if found else ""
        return System(self._lan.host, power, tuple(RESETS), tuple(BOOTS))

    async def send(self, step: Step, go: Go) -> Answer:
        command = RESETS[step.reset] if step.reset else ("chassis", "bootdev", BOOTS[step.boot])
        if not await go():
            raise Stopped
        try:
            code, out, errors = await self._run(command)
        except TimeoutError:
            raise Lost(f"{self._lan.host} gave no answer within {self._lan.timeout / SECOND:g} s") from None
        if code and any(words in errors for words in NOT_SENT):
            raise Unsent(f"ipmitool: {_line(errors)}")
        return Answer(out if not code else _line(errors), code=code or None)

    async def ended(self, answer: Answer) -> str | None:  # noqa: ARG002 - part of the port
        return ""

    async def _asked(self, *command: str) -> str:
        try:
            code, out, errors = await self._run(command)
        except TimeoutError:
            raise Unsent(f"{self._lan.host} gave no answer to ipmitool") from None
        # Parts of a machine may be unreadable, and what was read counts all the same.
        if code and not out:
            raise Unsent(f"ipmitool: {_line(errors) or f'exit code {code}'}")
        return out

    async def _run(self, command: tuple[str, ...]) -> tuple[int, str, str]:
        """Exit code, output and errors. Raises TimeoutError, and Unsent where the program cannot be started."""
        lan = self._lan
        way = ("-I", "lanplus", "-H", lan.host, "-U", lan.user, "-C", str(lan.cipher), "-E", *command)
        environment = {"IPMI_PASSWORD": lan.password.reveal(), "LC_ALL": "C"}
        try:
            process = await asyncio.create_subprocess_exec(
                lan.program, *way, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
            )
        except OSError as error:
            raise Unsent(f"{lan.program} cannot be started: {error.strerror}", lasting=True) from None
        try:
            async with asyncio.timeout(lan.timeout / SECOND):
                out, errors = await process.communicate()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return process.returncode or 0, _text(out), _text(errors)


def _text(output: bytes) -> str:
    return output[:OUTPUT_BYTES].decode("utf-8", "replace")


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
