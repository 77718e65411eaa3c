"""What people say of a plan is counted in one transaction, and T3 lets nothing begin without it."""

import asyncio
from functools import partial

import msgspec
import pytest

from healer.remediation.approval import PATIENCE, NotAsked, agree, say_yes
from healer.remediation.guards import Place
from healer.remediation.model import Asked, Intent, Plan, Refused, Remediation
from healer.store.store import Store
from healer.times import MINUTE, SECOND
from tests.contracts.store.given import NOON, RESTART, plan, planned, step

ASKING = msgspec.structs.replace(plan(), approve=(Asked("sre", 2, 10 * MINUTE),), steps=(RESTART,))


async def waiting(store: Store, of: Plan = ASKING) -> Remediation:
    """A remediation about which somebody is asked."""
    await store.take_over("one")
    asked = msgspec.structs.replace(planned("r1", of), state="awaiting_approval", deadline=NOON + 10 * MINUTE)
    await store.commit(step(1, 1, 0, planned=(asked,)))
    (found,) = await store.under_way()
    return found


async def yes(store: Store, who: str, now: int = NOON) -> Remediation:
    found = await store.answer("r1", lambda stored: agree(stored, who, now), now=now)
    assert found is not None
    return found


async def begin(store: Store, remediation: Remediation, now: int = NOON, attempt: int = 0) -> Intent | Refused:
    intent = f"r1.{remediation.step}.{attempt}"
    deadline = now + 30 * SECOND
    return await store.write_intent(remediation, RESTART, intent=intent, deadline=deadline, now=now, place=Place())


async def test_two_who_agree_at_once_both_count(store: Store) -> None:
    """Neither overwrites the other, whoever read first."""
    await waiting(store)
    await asyncio.gather(yes(store, "ann"), yes(store, "bob"))
    found = await store.remediation("r1")
    assert found is not None
    assert (found.state, set(found.agreed)) == ("planned", {"ann", "bob"})


async def test_one_who_agrees_twice_counts_once(store: Store) -> None:
    """The second time raises, and changes nothing."""
    await waiting(store)
    await yes(store, "ann")
    with pytest.raises(NotAsked):
        await yes(store, "ann")
    found = await store.remediation("r1")
    assert found is not None
    assert found.agreed == ("ann",)
    assert await store.answer("none", lambda stored: stored, now=NOON) is None


async def test_nothing_begins_without_enough_people(store: Store) -> None:
    """Whatever the caller believes to have read: the store's own record decides."""
    asked = await waiting(store)
    believes = msgspec.structs.replace(
        asked, state="planned", agreed=("ann", "bob"), approved_until=NOON + PATIENCE, approval_used="r1.0.0"
    )
    assert isinstance(await begin(store, believes), Refused)
    one = await yes(store, "ann")
    sneaked = msgspec.structs.replace(one, state="planned")
    assert await store.move(sneaked, was="awaiting_approval", now=NOON)
    assert await begin(store, believes) == Refused("approval", "1 of 2 people have agreed to this plan", ends="refused")


async def test_an_approval_that_came_too_long_ago_is_none(store: Store) -> None:
    """It expires, and says by how much."""
    await waiting(store)
    await yes(store, "ann")
    approved = await yes(store, "bob")
    late = NOON + PATIENCE + 2 * SECOND
    assert await begin(store, approved, now=late) == Refused(
        "approval", "what was agreed to had to begin 2s ago", ends="refused"
    )


async def test_the_intent_uses_the_approval_up(store: Store) -> None:
    """In its own transaction; what follows in the same run needs no other, however late."""
    await waiting(store)
    await yes(store, "ann")
    approved = await yes(store, "bob")
    intent = await begin(store, approved)
    assert isinstance(intent, Intent)
    stored = await store.remediation("r1")
    assert stored is not None
    assert stored.approval_used == intent.id == "r1.0.0"
    ended = msgspec.structs.replace(intent, outcome="succeeded", exit_code=0)
    following = msgspec.structs.replace(stored, state="planned", step=1)
    assert await store.settle_intent(ended, following, was="executing", now=NOON)
    assert isinstance(await begin(store, following, now=NOON + 2 * PATIENCE), Intent)


async def test_who_agreed_is_in_the_audit_log(store: Store) -> None:
    """Each yes, also the first of two, with the plan's hash; and with the intent whose right it was."""
    await waiting(store)
    first = partial(say_yes, who="ann", now=NOON, plan="", targets=())
    await store.answer("r1", first, now=NOON)
    await store.answer("r1", partial(say_yes, who="ann", now=NOON, plan="", targets=("h1",)), now=NOON)
    await yes(store, "bob")
    approved = await store.remediation("r1")
    assert approved is not None
    await begin(store, approved)
    log = [(kind, msgspec.json.decode(detail)) for _, _, kind, detail in await store.audit(1, 10)]
    assert [kind for kind, _ in log] == [
        "approval begun",
        "remediation awaiting_approval",
        "remediation planned",
        "remediation locked",
        "intent",
        "remediation executing",
    ]
    assert log[0][1]["by"] == ["ann"]
    assert all(one["plan"] == ASKING.hash for _, one in log)
    assert log[2][1]["agreed"] == log[4][1]["agreed"] == ["ann", "bob"]
