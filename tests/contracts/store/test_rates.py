"""What left by each rate of a channel, as processes keep it together."""

from collections.abc import Mapping

from healer.notification.ports import Left
from healer.store.store import Store
from healer.times import SECOND, Micros
from tests.contracts.store.given import NOON, set_clock

AT_NOON = Left((NOON,), 0, NOON + SECOND)


async def used(store: Store, now: Micros, keep: Mapping[str, Left], *keys: str) -> tuple[Mapping[str, Left], Micros]:
    """What is known of these, and the time by which that is so; `keep` is kept."""
    await set_clock(store, now)
    return await store.use_rates(keys, lambda left, at: ((left, at), keep), now=now)


async def test_what_left_is_known_to_the_next(store: Store) -> None:
    """What somebody kept of a rate the next one finds, and of the others nothing; both learn the store's time."""
    assert await used(store, NOON, {"chat": AT_NOON}, "chat", "bot") == ({"chat": Left(), "bot": Left()}, NOON)
    assert await used(store, NOON + 1, {}, "chat", "bot") == ({"chat": AT_NOON, "bot": Left()}, NOON + 1)
    later = Left((NOON, NOON + 2), NOON + 9, NOON + SECOND)
    await used(store, NOON + 2, {"chat": later}, "chat")
    assert await used(store, NOON + 3, {}, "chat") == ({"chat": later}, NOON + 3)


async def test_what_counts_no_more_is_forgotten(store: Store) -> None:
    """A rate whose window is over is as one that nobody used, whichever is asked for."""
    await used(store, NOON, {"chat": AT_NOON}, "chat")
    await used(store, NOON + SECOND, {}, "bot")
    assert await used(store, NOON, {}, "chat") == ({"chat": Left()}, NOON)
