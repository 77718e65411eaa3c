"""How does an order get to what is called over HTTP? Used by the runner of `healer.remediation`.

Whoever is called keeps no register (`fence: none`). So a call whose answer is missing is never repeated: while it may still be
under way its outcome is unknown. A pipeline is then looked for by its intent; a webhook cannot be asked, and counts as one
that had an effect and did not help when its deadline is over.
"""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from healer.executors.http import answers, webhook
from healer.executors.http.addresses import networks
from healer.executors.http.exchange import Lost, Stopped, Unsent, exchange
from healer.executors.http.pipelines.following import Following, host_of
from healer.executors.http.settings import HttpSettings, Webhook
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.typed import Unreadable, read
from healer.seams import Clock

PARAMETERS = {"call_webhook": "webhook", "trigger_pipeline": "pipeline"}
"""By call, the parameter that names what the settings declare."""
REMEMBERED = 1_000
"""Orders whose end this process knows by itself, the newest."""


Carry = Callable[[Go], Awaitable[Result]]
"""Carries an order out. Raises Unsent, Lost, Stopped, and what go raises."""


class HttpTarget:
    """`Target` over HTTP."""

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._webhooks = settings.webhooks
        self._pipelines = {name: host_of(pipeline) for name, pipeline in settings.pipelines.items()}
        self._allowed = networks(settings.allow)
        self._following = Following(self._allowed, clock, settings.every)
        self._clock = clock
        self._ended: dict[str, Result] = {}

    async def run(self, order: Order, go: Go) -> Result:
        try:
            carry = self._called(order)
        except Unreadable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        if order.intent in self._ended:
            return Result("refused", why="repeated: this intent was sent already", started=False)
        gone = False

        async def last_word() -> bool:
            nonlocal gone
            # Nothing is awaited between go's answer and the first byte.
            gone = await go() and not self._over(order)
            return gone

        try:
            result = await _carried(carry, last_word)
        except BaseException:
            if not gone:
                self._remember(order, _never("stopped before anything was sent"))
            raise
        if result.outcome != "unknown":
            result = self._stamped(result)
            self._remember(order, result if result.started else _never(result.why))
        return result

    async def probe(self, order: Order) -> Result:
        if order.intent in self._ended:
            return self._ended[order.intent]
        over = self._over(order)
        try:
            call = read(order.argv)
        except Unreadable as error:
            return Result("unknown", why=str(error))
        if call.name == "trigger_pipeline":
            host = self._pipelines.get(str(call.given.get(PARAMETERS[call.name], "")))
            if host is None:
                return Result("unknown", why="its pipeline is not declared in executors.http.pipelines any more")
            return self._stamped(await self._following.settle(host, order, over=over))
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
        reply = await exchange(webhook.request(name, called, order, self._clock.now()), self._allowed, go)
        return answers.result(reply, webhook.secrets(called))

    def _over(self, order: Order) -> bool:
        """Whether nothing of an intent can be under way any more."""
        return 0 < order.ends_by < self._clock.now()

    def _stamped(self, result: Result) -> Result:
        over = result.started and result.outcome in ("succeeded", "failed")
        return msgspec.structs.replace(result, ended_at=self._clock.now()) if over else result

    def _remember(self, order: Order, result: Result) -> None:
        self._ended[order.intent] = result
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]


async def _carried(carry: Carry, go: Go) -> Result:
    try:
        return await carry(go)
    except Stopped:
        return Result("refused", why="stopped before it started: healer may not act now", started=False)
    except Unsent as error:
        return Result("refused" if error.lasting else "failed", why=str(error), started=False, lasting=error.lasting)
    except Lost as error:
        return Result("unknown", why=f"{error}, after the call was sent: it is not repeated")


def _never(why: str) -> Result:
    """Known to have had no effect, and never to have one."""
    return Result("failed", why=why, started=False)
