"""How does an order get to what is called over HTTP? Used by the runner of `healer.remediation`.

Whoever is called keeps no register (`fence: none`). So a call whose answer is missing is never repeated: while it may still be
under way its outcome is unknown. A pipeline is then looked for by its intent; a webhook cannot be asked, and counts as one
that had an effect and did not help when its deadline is over.
"""

from functools import partial

from healer.executors.http import answers, webhook
from healer.executors.http.addresses import networks
from healer.executors.http.exchange import exchange
from healer.executors.http.pipelines.following import Following, host_of
from healer.executors.http.reach import Reach, authorities
from healer.executors.http.settings import HttpSettings, Webhook
from healer.executors.once import Carry, Once
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.typed import Unreadable, read
from healer.seams import Clock

PARAMETERS = {"call_webhook": "webhook", "trigger_pipeline": "pipeline"}
"""By call, the parameter that names what the settings declare."""


class HttpTarget:
    """`Target` over HTTP."""

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        """Raises BadAuthority."""
        self._webhooks = settings.webhooks
        self._pipelines = {name: host_of(pipeline) for name, pipeline in settings.pipelines.items()}
        trust = authorities(settings.ca) if settings.ca is not None else True
        self._reach = Reach(networks(settings.allow), trust)
        self._following = Following(self._reach, clock, settings.every)
        self._clock = clock
        self._once = Once(clock)

    async def run(self, order: Order, go: Go) -> Result:
        try:
            carry = self._called(order)
        except Unreadable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        return await self._once.run(order, go, carry)

    async def probe(self, order: Order) -> Result:
        known, over = self._once.known(order), self._once.over(order)
        if known is not None:
            return known
        try:
            call = read(order.argv)
        except Unreadable as error:
            return Result("unknown", why=str(error))
        if call.name == "trigger_pipeline":
            host = self._pipelines.get(str(call.given.get(PARAMETERS[call.name], "")))
            if host is None:
                return Result("unknown", why="its pipeline is not declared in executors.http.pipelines any more")
            return self._once.stamped(await self._following.settle(host, order, over=over))
        if not over:
            return Result("unknown", why="a call cannot be asked what became of it; it may be under way")
        why = "nobody knows what became of the call: no answer was seen, and its time is over. Look there"
        return Result("failed", why=why, ended_at=order.ends_by)

    async def observe(self, order: Order) -> Seen:
        """What would be called, in words: nothing tells what is there before. Nobody is asked."""
        try:
            call = read(order.argv)
            name = str(call.given.get(PARAMETERS.get(call.name, ""), ""))
            self._called(order)
        except Unreadable as error:
            return Seen(why=str(error))
        if call.name == "trigger_pipeline":
            return Seen(0, f"starts {self._pipelines[name].words} and follows it to its end")
        return Seen(0, f"calls {webhook.host(self._webhooks[name])}, signed")

    async def close(self) -> None:
        """Nothing is kept open."""

    def _called(self, order: Order) -> Carry:
        """What an order asks for. Raises Unreadable."""
        call = read(order.argv)
        if call.name == "call_webhook":
            name = str(call.given.get(PARAMETERS[call.name], ""))
            if name not in self._webhooks:
                raise Unreadable(f"no webhook {name!r} is declared in executors.http.webhooks")
            return partial(self._call, name, self._webhooks[name], order)
        if call.name == "trigger_pipeline":
            name = str(call.given.get(PARAMETERS[call.name], ""))
            if name not in self._pipelines:
                raise Unreadable(f"no pipeline {name!r} is declared in executors.http.pipelines")
            return partial(self._following.run, self._pipelines[name], order)
        raise Unreadable(f"the http executor has no {call.name!r}")

    async def _call(self, name: str, called: Webhook, order: Order, go: Go) -> Result:
        reply = await exchange(webhook.request(name, called, order, self._clock.now()), self._reach, go)
        return answers.result(reply, webhook.secrets(called))
