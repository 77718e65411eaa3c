"""How does an order get to a machine's power? Used by the runner of `healer.remediation`.

A BMC keeps no register (`fence: none`), and answers before anything has happened. So it is asked once, then looked at until
the power is as it was to become; and whether a request whose answer was lost did anything, the machine's own state tells.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import aiohttp
import msgspec

from healer.executors.http.reach import Trust, authorities
from healer.executors.once import Once, Unsent
from healer.executors.redfish.chassis import Answer, Chassis
from healer.executors.redfish.ipmi import Ipmi, Lan
from healer.executors.redfish.power import shows, step, was_never
from healer.executors.redfish.session import Door, opened
from healer.executors.redfish.settings import Bmc, RedfishSettings
from healer.executors.redfish.system import System
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.typed import Call, Unreadable, read
from healer.seams import Clock
from healer.times import SECOND, Micros


class RedfishTarget:
    """`Target` over Redfish, and ipmitool where that cannot be reached."""

    def __init__(self, settings: RedfishSettings, clock: Clock) -> None:
        """Raises BadAuthority."""
        self._settings = settings
        self._trust = {node: _trust(bmc, settings) for node, bmc in settings.hosts.items()}
        self._clock = clock
        self._once = Once(clock)
        self._rooms: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, order: Order, go: Go) -> Result:
        try:
            call = self._called(order)
        except Unreadable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        return await self._once.run(order, go, partial(self._carry, call, order))

    async def probe(self, order: Order) -> Result:
        known = self._once.known(order)
        if known is not None:
            return known
        try:
            call = self._called(order)
            async with self._chassis(order) as chassis:
                system = await chassis.look()
        except (Unreadable, Unsent) as error:
            return Result("unknown", why=f"the probe had no answer: {error}")
        return self._once.stamped(self._settled(call, order, system))

    async def observe(self, order: Order) -> Seen:
        try:
            call = self._called(order)
            async with self._chassis(order) as chassis:
                view = step(call, await chassis.look()).view
        except (Unreadable, Unsent) as error:
            return Seen(why=str(error))
        return Seen(0, msgspec.json.encode(view).decode())

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _carry(self, call: Call, order: Order, go: Go) -> Result:
        until = self._clock.monotonic() + order.deadline_s * SECOND
        async with self._chassis(order) as chassis:
            wanted = step(call, await chassis.look())
            if wanted.view.verdict == "nothing":
                return Result("succeeded", exit_code=0, output=wanted.view.now)
            if wanted.view.verdict == "impossible":
                raise Unsent(wanted.view.now, lasting=True)
            answer = await chassis.send(wanted, go)
            output = _cut(answer.said, order.output_limit)
            if answer.code is not None:
                return Result("failed", answer.code, output, f"its BMC failed at it ({answer.code})")
            why = await self._followed(chassis, call, answer, until)
        return Result("failed", 1, output, why) if why else Result("succeeded", 0, output)

    async def _followed(self, chassis: Chassis, call: Call, answer: Answer, until: Micros) -> str:
        """Look until the power is as it was to become. Returns why it is not, "" when it is."""
        accepted, was_off, over = self._clock.monotonic(), False, None
        words = "nothing was seen of it"
        while True:
            try:
                over = await chassis.ended(answer) if over is None else over
                if over:
                    return over
                if over is not None:
                    system = await chassis.look()
                    was_off = was_off or system.power != "On"
                    ago = self._clock.monotonic() - accepted
                    shown = shows(call, system, ago, was_off=was_off)
                    if shown or (shown is None and ago >= self._settings.shows_within):
                        return ""
                    words = f"its power is {system.power or 'not told'}"
            except Unsent as error:
                words = str(error)
            if self._clock.monotonic() >= until:
                return f"its BMC accepted it, and it did not come about in time: {words}"
            await asyncio.sleep(self._settings.every / SECOND)

    def _settled(self, call: Call, order: Order, system: System) -> Result:
        """What became of an intent whose answer nobody here saw, by what its machine is now."""
        now = self._clock.now()
        ago = now - (order.ends_by - order.deadline_s * SECOND) if order.ends_by else 0
        if shows(call, system, ago):
            return Result("succeeded", exit_code=0, output=f"{system.name} shows it")
        if not self._once.over(order):
            return Result("unknown", why=f"{system.name} does not show it, and it may be under way")
        if was_never(call, system, ago):
            return Result("failed", why=f"{system.name} was not reset since then", started=False)
        return Result("failed", why=f"{system.name} does not show it, and its time is over. Look there")

    def _called(self, order: Order) -> Call:
        """What an order asks for. Raises Unreadable."""
        if order.target not in self._settings.hosts:
            raise Unreadable(f"no BMC of {order.target} is declared in executors.redfish.hosts")
        call = read(order.argv)
        step(call, System("", ""))
        return call

    @asynccontextmanager
    async def _chassis(self, order: Order) -> AsyncIterator[Chassis]:
        """The one way to the machine's power, one at a time. Raises Unsent where there is none."""
        bmc = self._settings.hosts[order.target]
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._rooms[bmc.url or bmc.ipmi])
            yield await self._opened(order.target, bmc, stack)

    async def _opened(self, node: str, bmc: Bmc, stack: AsyncExitStack) -> Chassis:
        settings = self._settings
        user, password = settings.signed_in(bmc)
        try:
            if bmc.url:
                door = Door(bmc.url, self._trust[node], user, password, bmc.serial, settings.timeout)
                return await stack.enter_async_context(opened(door))
        except Unsent as error:
            if error.lasting or error.later or not bmc.ipmi:
                raise
        lan = Lan(settings.ipmitool, bmc.ipmi, user, password, settings.cipher, bmc.serial, settings.timeout)
        ipmi = Ipmi(lan)
        await ipmi.identify()
        return ipmi


def _trust(bmc: Bmc, settings: RedfishSettings) -> Trust:
    """Whose certificates are believed. Raises BadAuthority."""
    if bmc.fingerprint:
        return aiohttp.Fingerprint(bytes.fromhex(bmc.pin))
    file = bmc.ca or settings.ca
    return authorities(file, alone=True) if file is not None else True


def _cut(text: str, limit: int) -> str:
    """At most `limit` bytes of what was said."""
    said = text.encode()
    return text if len(said) <= limit else f"{said[:limit].decode('utf-8', 'ignore')}\n[cut after {limit} bytes]"
