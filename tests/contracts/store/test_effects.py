import asyncio

import msgspec
import pytest

from healer.journey import records
from healer.journey.records import Progressed, Record, Switched
from healer.remediation.guards import Place
from healer.remediation.model import Intent, Limit, Plan, Refused, Remediation, State
from healer.remediation.ports import Probe, Switch
from healer.store.store import Store
from healer.times import MINUTE, SECOND, Micros
from tests.contracts.store.given import NOON, RESTART, plan, planned, step


async def under_way(store: Store, *ids: str, of: Plan | None = None) -> list[Remediation]:
    """Remediations in the state planned, one per id."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, planned=tuple(planned(each, of or plan()) for each in ids)))
    return await store.under_way()


def ask(
    store: Store,
    remediation: Remediation,
    *,
    intent: str = "e1",
    on: str = "h1",
    now: Micros = NOON,
) -> "asyncio.Future[Intent | Refused]":
    effect = msgspec.structs.replace(RESTART, node=on)
    asked = store.write_intent(
        remediation, effect, intent=intent, deadline=now + 30 * SECOND, now=now, place=Place(("all", "rule:restart"))
    )
    return asyncio.ensure_future(asked)


async def written(store: Store, remediation: Remediation, *, intent: str, on: str = "h1", now: Micros = NOON) -> Intent:
    answer = await ask(store, remediation, intent=intent, on=on, now=now)
    assert isinstance(answer, Intent), answer
    return answer


async def refused(
    store: Store, remediation: Remediation, *, intent: str, on: str = "h1", now: Micros = NOON
) -> Refused:
    answer = await ask(store, remediation, intent=intent, on=on, now=now)
    assert isinstance(answer, Refused), answer
    return answer


async def now_is(store: Store, remediation: Remediation) -> Remediation:
    """The same one as it is stored by now: whoever goes on has moved it."""
    stored = await store.remediation(remediation.id)
    assert stored is not None
    return stored


async def settled(store: Store, intent: Intent, state: State = "verifying", now: Micros = NOON) -> bool:
    remediation = await store.remediation(intent.remediation)
    assert remediation is not None
    ended = msgspec.structs.replace(intent, outcome="succeeded", exit_code=0)
    moved = msgspec.structs.replace(remediation, state=state)
    return await store.settle_intent(ended, moved, was="executing", now=now)


async def journal(store: Store) -> list[Record]:
    return [records.decode(row.data) for row in await store.read(0, 100)]


async def test_only_who_wrote_an_intent_may_begin_it(store: Store) -> None:
    """T3 again, after an answer that was lost, gives its author the same intent; another process and a later time are refused."""
    (remediation,) = await under_way(store, "r1")

    async def again(author: str) -> Intent | Refused:
        return await store.write_intent(
            remediation, RESTART, intent="e1", deadline=NOON + 30 * SECOND, now=NOON, place=Place(), author=author
        )

    intent = await again("one")
    assert isinstance(intent, Intent)
    assert await again("one") == intent
    assert await again("two") == Refused("state", "intent e1 was written by somebody else before")
    assert await settled(store, intent)
    assert isinstance(await again("one"), Refused)


async def test_an_intent_carries_all_that_is_needed_to_finish_it(store: Store) -> None:
    """T3 writes the intent with the target's token, moves the remediation, tells the engine, and notes both."""
    (remediation,) = await under_way(store, "r1")
    intent = await written(store, remediation, intent="e1")
    assert "kill switch: none of all, rule:restart is paused" in intent.guards, (
        "what every counted guard said, with numbers"
    )
    assert msgspec.structs.replace(intent, guards=()) == Intent(
        id="e1",
        remediation="r1",
        incident="i1",
        step=0,
        attempt=0,
        action="restart_service",
        executor="ssh",
        target="h1",
        token=1,
        argv=RESTART.argv,
        trace_id="0" * 32,
        written_at=NOON,
        deadline=NOON + 30 * SECOND,
    )
    assert await store.unsettled() == await store.intents("r1") == [intent]
    stored = await store.remediation("r1")
    assert stored == msgspec.structs.replace(remediation, state="executing", changed_at=NOON)
    assert await journal(store) == [Progressed("r1", "i1", "executing", "", NOON)]
    kinds = [kind for _, _, kind, _ in await store.audit(1, 10)]
    assert kinds == ["remediation locked", "intent", "remediation executing"]


async def test_the_same_intent_again_is_the_one_already_written(store: Store) -> None:
    """After a lost answer T3 may be asked again: one intent, one token, one record."""
    (remediation,) = await under_way(store, "r1")
    first = await written(store, remediation, intent="e1")
    assert await written(store, remediation, intent="e1") == first
    assert await store.unsettled() == [first]
    assert len(await journal(store)) == 1


async def test_one_unsettled_intent_per_target(store: Store) -> None:
    """Of two that want the same target one is refused, until the other's outcome is known; another target is free."""
    one, two = await under_way(store, "r1", "r2")
    answers = await asyncio.gather(ask(store, one, intent="e1"), ask(store, two, intent="e2"))
    intents = [answer for answer in answers if isinstance(answer, Intent)]
    assert [type(answer) for answer in answers].count(Refused) == 1 == len(intents)
    other = two if intents[0].remediation == "r1" else one
    assert (await refused(store, other, intent="e3")).guard == "unsettled"
    await written(store, other, intent="e4", on="h2")
    assert await settled(store, intents[0])
    assert (await written(store, await now_is(store, other), intent="e5")).token == 2


async def test_the_index_refuses_a_second_unsettled_intent_by_itself(store: Store) -> None:
    """Even a transaction that forgot to look cannot write two unsettled intents on one target."""
    (remediation,) = await under_way(store, "r1")
    await written(store, remediation, intent="e1")
    row = "INSERT INTO intent (id, remediation, target, unsettled, data) VALUES ('e2', 'r1', 'h1', 1, '')"
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.run.write("forgetful", lambda transaction: transaction.raw.execute(row))


@pytest.mark.parametrize(("count", "allowed"), [(1, 1), (2, 2)])
async def test_limits_count_remediations_and_not_their_intents(store: Store, count: int, allowed: int) -> None:
    """Within the window as many remediations may act as the limit says, each as often as its plan needs."""
    limits = (Limit(count, 10 * MINUTE, "restart"),)
    several = await under_way(store, "r1", "r2", "r3", of=plan(limits=limits))
    for number, remediation in enumerate(several[:allowed]):
        for again in ("a", "b"):
            goes_on = await now_is(store, remediation)
            await settled(store, await written(store, goes_on, intent=f"{remediation.id}{again}", now=NOON + number))
    late = await refused(store, several[allowed], intent="late", on="h9", now=NOON + 5)
    assert (late.guard, late.retry_at) == ("limit", NOON + 10 * MINUTE)
    assert late.why == f"{count} of at most {count} in 10m for restart"
    await written(store, several[allowed], intent="later", on="h9", now=late.retry_at)


async def test_an_unsettled_intent_counts_whatever_the_window_says(store: Store) -> None:
    """While an effect may still happen its remediation counts, and waiting for the window does not help."""
    one, two = await under_way(store, "r1", "r2", of=plan(limits=(Limit(1, MINUTE, "restart"),)))
    intent = await written(store, one, intent="e1")
    late = await refused(store, two, intent="e2", on="h2", now=NOON + 5 * MINUTE)
    assert (late.guard, late.retry_at) == ("limit", 0)
    await settled(store, intent)
    await written(store, two, intent="e2", on="h2", now=NOON + 5 * MINUTE)


async def test_limits_with_different_keys_do_not_share(store: Store) -> None:
    """A limit per node leaves other nodes alone."""
    (one,) = await under_way(store, "r1", of=plan(limits=(Limit(1, MINUTE, "restart h1"),)))
    await written(store, one, intent="e1")
    other = planned("r2", plan(limits=(Limit(1, MINUTE, "restart h2"),)))
    await store.commit(step(2, 1, 0, planned=(other,)))
    _, two = await store.under_way()
    await written(store, two, intent="e2", on="h2")


async def test_a_limit_of_none_forbids(store: Store) -> None:
    """A count of 0 refuses, and no waiting helps."""
    (one,) = await under_way(store, "r1", of=plan(limits=(Limit(0, MINUTE, "never"),)))
    assert await refused(store, one, intent="e1") == Refused("limit", "0 of at most 0 in 1m for never", ends="refused")


@pytest.mark.parametrize("scope", ["all", "rule:restart"])
async def test_no_intent_after_the_kill_switch(store: Store, scope: str) -> None:
    """A thrown switch refuses every intent of its scope, one of another scope does not, and released it lets go."""
    (remediation,) = await under_way(store, "r1")
    await store.throw(Switch("rule:another", True, "ann", "elsewhere", NOON))
    await store.throw(Switch(scope, True, "ann", "moving racks", NOON))
    no = await refused(store, remediation, intent="e1")
    assert no == Refused("kill switch", f"{scope} was paused by ann: moving racks")
    await store.throw(Switch(scope, False, "bob", "", NOON + 1))
    await written(store, remediation, intent="e1")
    assert Switch(scope, False, "bob", "", NOON + 1) in await store.switches()
    assert Switched(scope, False, "bob") in await journal(store)


async def test_a_switch_that_cannot_be_understood_counts_as_thrown(store: Store) -> None:
    """Only a plain "released" lets an intent through."""
    (remediation,) = await under_way(store, "r1")
    damaged = "INSERT INTO switch (scope, thrown, by, why, at) VALUES ('all', 7, '', '', 0)"
    await store.run.write("damage", lambda transaction: transaction.raw.execute(damaged))
    assert (await refused(store, remediation, intent="e1")).guard == "kill switch"


async def test_only_a_remediation_under_way_writes_intents(store: Store) -> None:
    """One that ended, one whose plan is another by now, and one that is unknown are refused, and nothing is written."""
    one, two = await under_way(store, "r1", "r2")
    assert await store.move(msgspec.structs.replace(one, state="cancelled"), was="planned", now=NOON)
    assert (await refused(store, one, intent="e1")).guard == "state"
    assert (await refused(store, msgspec.structs.replace(two, plan=plan(hash="b")), intent="e2")).guard == "state"
    assert (await refused(store, msgspec.structs.replace(two, id="r9"), intent="e3")).guard == "state"
    assert await store.unsettled() == []


async def test_an_intent_that_lands_late_is_none(store: Store) -> None:
    """Who gave up waiting for T3, and went on without an effect, gets none by it any more."""
    (remediation,) = await under_way(store, "r1")
    locked = msgspec.structs.replace(remediation, state="locked")
    assert await store.move(locked, was="planned", now=NOON)
    assert await store.move(msgspec.structs.replace(locked, state="verifying"), was="locked", now=NOON)
    late = await refused(store, locked, intent="e1")
    assert (late.guard, late.why) == ("state", "remediation r1 went on meanwhile: it is verifying")
    assert await store.move(msgspec.structs.replace(locked, step=1), was="verifying", now=NOON)
    assert (await refused(store, locked, intent="e1")).guard == "state"
    assert await store.unsettled() == []


async def test_refusals_are_in_the_audit_log(store: Store) -> None:
    """A guard's no is noted with the guard, and why."""
    (remediation,) = await under_way(store, "r1")
    await store.throw(Switch("all", True, "ann", "moving racks", NOON))
    await refused(store, remediation, intent="e1")
    *_, (_, _, kind, detail) = await store.audit(0, 10)
    assert kind == "intent refused"
    assert msgspec.json.decode(detail)["why"] == "all was paused by ann: moving racks"


async def test_a_state_moves_only_from_the_one_it_was_in(store: Store) -> None:
    """A move from a state that is not the stored one changes nothing; the same move again is no second record."""
    (remediation,) = await under_way(store, "r1")
    waiting = msgspec.structs.replace(remediation, state="waiting", detail="for the lock")
    assert not await store.move(waiting, was="locked", now=NOON)
    assert await store.remediation("r1") == remediation
    assert await store.move(waiting, was="planned", now=NOON)
    assert await store.move(waiting, was="planned", now=NOON + 1)
    assert await store.under_way() == [waiting]
    assert await journal(store) == [Progressed("r1", "i1", "waiting", "for the lock", NOON)]


async def test_an_outcome_is_stored_once(store: Store) -> None:
    """T4 settles the intent and moves the remediation; another outcome comes too late, the same one is no news."""
    (remediation,) = await under_way(store, "r1")
    intent = await written(store, remediation, intent="e1")
    assert await settled(store, intent)
    assert await settled(store, intent)
    failed = msgspec.structs.replace(intent, outcome="failed")
    assert not await store.settle_intent(failed, remediation, was="executing", now=NOON)
    assert await store.unsettled() == []
    assert [each.outcome for each in await store.intents("r1")] == ["succeeded"]
    assert [each.state for each in await store.under_way()] == ["verifying"]
    assert [each.state for each in await journal(store) if isinstance(each, Progressed)] == ["executing", "verifying"]


async def test_an_outcome_without_words_is_refused(store: Store) -> None:
    """An unknown outcome does not settle an intent."""
    (remediation,) = await under_way(store, "r1")
    intent = await written(store, remediation, intent="e1")
    with pytest.raises(ValueError, match="probe it first"):
        await store.settle_intent(intent, remediation, was="executing", now=NOON)
    assert await store.unsettled() == [intent]


async def test_an_outcome_is_kept_when_the_remediation_has_moved_on(store: Store) -> None:
    """What is known of an effect is stored even when somebody ended the remediation meanwhile, whose state stays."""
    (remediation,) = await under_way(store, "r1")
    intent = await written(store, remediation, intent="e1")
    stored = await store.remediation("r1")
    assert stored is not None
    await store.move(msgspec.structs.replace(stored, state="handed_over"), was="executing", now=NOON)
    assert await settled(store, intent)
    assert await store.unsettled() == []
    found = await store.remediation("r1")
    assert found is not None
    assert found.state == "handed_over"


async def test_each_probe_raises_the_token(store: Store) -> None:
    """Whoever probes carries a newer token than the intent's author; a settled or unknown intent needs no probe."""
    (remediation,) = await under_way(store, "r1")
    intent = await written(store, remediation, intent="e1")
    assert await store.begin_probe("e1", now=NOON) == Probe(intent, 2)
    assert await store.begin_probe("e1", now=NOON) == Probe(intent, 3)
    await settled(store, intent)
    assert await store.begin_probe("e1", now=NOON) is None
    assert await store.begin_probe("unknown", now=NOON) is None


async def test_remediations_are_listed_newest_first(store: Store) -> None:
    """All of them, or one incident's."""
    await store.take_over("one")
    several = tuple(planned(f"r{number}", plan(f"i{number % 2}")) for number in range(4))
    await store.commit(step(1, 1, 0, planned=several))
    assert [each.id for each in await store.remediations()] == ["r3", "r2", "r1", "r0"]
    assert [each.id for each in await store.remediations("i1", limit=1)] == ["r3"]
    assert await store.remediation("r9") is None


async def test_at_once_counts_those_that_acted_and_are_not_at_an_end(store: Store) -> None:
    """While one is executing or verifying another waits, however long that takes; when it ends the other may begin."""
    limits = (Limit(1, 0, "restart", "at_once"),)
    one, two = await under_way(store, "r1", "r2", of=plan(limits=limits))
    intent = await written(store, one, intent="e1")
    late = await refused(store, two, intent="e2", on="h2", now=NOON + 60 * MINUTE)
    assert (late.guard, late.why) == ("limit", "1 of at most 1 under way at once for restart")
    assert late.retry_at > NOON + 60 * MINUTE, "waiting helps"
    assert await settled(store, intent, "verifying")
    assert (await refused(store, two, intent="e2", on="h2")).guard == "limit"
    verifying = await store.remediation("r1")
    assert verifying is not None
    await store.move(msgspec.structs.replace(verifying, state="succeeded"), was="verifying", now=NOON)
    await written(store, two, intent="e2", on="h2")


async def test_those_that_only_wait_to_begin_hold_nobody_up(store: Store) -> None:
    """Two that were planned together do not wait for one another for ever; and a second step is no second remediation."""
    limits = (Limit(1, 0, "restart", "at_once"),)
    one, _ = await under_way(store, "r1", "r2", of=plan(limits=limits))
    await settled(store, await written(store, one, intent="e1"), "planned")
    await written(store, one, intent="e2")


async def test_an_unsettled_intent_counts_at_once_whatever_became_of_its_remediation(store: Store) -> None:
    """Handed to a person with an effect that may still happen: it counts as under way."""
    limits = (Limit(1, 0, "restart", "at_once"),)
    one, two = await under_way(store, "r1", "r2", of=plan(limits=limits))
    await written(store, one, intent="e1")
    executing = await store.remediation("r1")
    assert executing is not None
    await store.move(msgspec.structs.replace(executing, state="handed_over"), was="executing", now=NOON)
    assert (await refused(store, two, intent="e2", on="h2")).guard == "limit"
