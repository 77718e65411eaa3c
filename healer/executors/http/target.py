"""How does an order get to what is called over HTTP? Used by the runner of `healer.remediation`.

Whoever is called keeps no register (`fence: none`). So a call whose answer is missing is never repeated: while it may still be
under way its outcome is unknown, and after its deadline it counts as one that had an effect and did not help.
"""

import msgspec

from healer.executors.http import webhook
from healer.executors.http.addresses import networks
from healer.executors.http.exchange import Lost, Stopped, Unsent, exchange
from healer.executors.http.settings import HttpSettings, Webhook
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.typed import Unreadable, read
from healer.seams import Clock

REMEMBERED = 1_000
"""Orders whose end this process knows by itself, the newest."""


class HttpTarget:
    """`Target` over HTTP."""

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._webhooks = settings.webhooks
        self._allowed = networks(settings.allow)
        self._clock = clock
        self._ended: dict[str, Result] = {}

    async def run(self, order: Order, go: Go) -> Result:
        try:
            name, called = self._called(order)
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
            result = await self._call(name, called, order, last_word)
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
        if not self._over(order):
            return Result("unknown", why="a call cannot be asked what became of it; it may be under way")
        why = "nobody knows what became of the call: no answer was seen, and its time is over. Look there"
        return Result("failed", why=why, ended_at=order.ends_by)

    async def observe(self, order: Order) -> Seen:
        return Seen(why=f"nothing tells what is there before a call ({' '.join(order.argv[:1])})")

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _call(self, name: str, called: Webhook, order: Order, go: Go) -> Result:
        try:
            reply = await exchange(webhook.request(name, called, order, self._clock.now()), self._allowed, go)
        except Stopped:
            return Result("refused", why="stopped before it started: healer may not act now", started=False)
        except Unsent as error:
            return Result(
                "refused" if error.lasting else "failed", why=str(error), started=False, lasting=error.lasting
            )
        except Lost as error:
            return Result("unknown", why=f"{error}, after the call was sent: it is not repeated")
        return webhook.result(reply, called)

    def _called(self, order: Order) -> tuple[str, Webhook]:
        """What an order calls. Raises Unreadable."""
        call = read(order.argv)
        if call.name != "call_webhook":
            raise Unreadable(f"the http executor has no {call.name!r}")
        name = str(call.given.get("webhook", ""))
        if name not in self._webhooks:
            raise Unreadable(f"no webhook {name!r} is declared in executors.http.webhooks")
        return name, self._webhooks[name]

    def _over(self, order: Order) -> bool:
        """Whether nothing of an intent can be under way any more."""
        return 0 < order.ends_by < self._clock.now()

    def _stamped(self, result: Result) -> Result:
        return msgspec.structs.replace(result, ended_at=self._clock.now()) if result.started else result

    def _remember(self, order: Order, result: Result) -> None:
        self._ended[order.intent] = result
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]


def _never(why: str) -> Result:
    """Known to have had no effect, and never to have one."""
    return Result("failed", why=why, started=False)
