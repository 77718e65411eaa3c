"""Counted guards hold where the intent is written, over all remediations in the store: T3 refuses, whoever asks."""

import asyncio

import msgspec
import pytest
from sqlalchemy import select

from healer.journey.records import Troubled
from healer.remediation.guards import Group, Place
from healer.remediation.model import Intent, Limit, Plan, PlanStep, Refused, Remediation, State
from healer.remediation.ports import Switch
from healer.remediation.settings import LONGEST
from healer.store import schema
from healer.store.store import Store
from healer.times import DAY, HOUR, MINUTE, SECOND, Micros
from rules.bounds import MAX_WINDOW
from tests.contracts.store.given import NOON, RESTART, plan, planned, step
from tests.contracts.store.test_effects import journal

CORDON = msgspec.structs.replace(RESTART, action="cordon", opposing="uncordon")
UNCORDON = msgspec.structs.replace(RESTART, action="uncordon")
TWICE = Limit(2, DAY, "rule:restart on h1", "ineffective", guard="ineffective", on="h1")
SUSPENDED = "rule:restart on h1"


async def under_way(store: Store, count: int, of: Plan | None = None) -> list[Remediation]:
    """So many remediations, r1 and on, in the state planned."""
    await store.take_over("one")
    names = [f"r{number + 1}" for number in range(count)]
    await store.commit(step(1, 1, 0, planned=tuple(planned(name, of or plan()) for name in names)))
    return await store.under_way()


async def begin(
    store: Store,
    remediation: Remediation,
    *,
    doing: PlanStep = RESTART,
    on: str = "h1",
    place: Place | None = None,
    now: Micros = NOON,
) -> Intent | Refused:
    effect = msgspec.structs.replace(doing, node=on)
    found = await store.remediation(remediation.id)
    assert found is not None
    return await store.write_intent(
        found, effect, intent=f"{found.id} {now} {on}", deadline=now + SECOND, now=now, place=place or Place()
    )


async def acts(store: Store, remediation: Remediation, state: State, *, on: str = "h1", now: Micros = NOON) -> None:
    """It has its effect, and comes to this state."""
    intent = await begin(store, remediation, on=on, now=now)
    assert isinstance(intent, Intent), intent
    stored = await store.remediation(remediation.id)
    assert stored is not None
    settled = msgspec.structs.replace(intent, outcome="succeeded", exit_code=0)
    after = msgspec.structs.replace(stored, state=state, detail="it is still down")
    assert await store.settle_intent(settled, after, was="executing", now=now)


async def reserved(store: Store) -> set[str]:
    """Which remediations hold anything."""
    rows = await store.run.read(
        "look", lambda connection: connection.execute(select(schema.reserved.c.remediation)).all()
    )
    return {id for (id,) in rows}


async def test_what_no_limit_counts_any_more_is_forgotten(store: Store) -> None:
    """Older than any limit looks back, and at its end: neither what is under way nor what is unsettled, however old."""
    old, going, acting, young = await under_way(store, 4)
    await acts(store, old, "succeeded", on="h1")
    await acts(store, going, "verifying", on="h2")
    assert isinstance(await begin(store, acting, on="h3"), Intent)
    await acts(store, young, "succeeded", on="h4", now=NOON + DAY)

    await store.forget(NOON + LONGEST)
    assert await reserved(store) == {"r1", "r2", "r3", "r4"}
    assert await store.forget(NOON + LONGEST + SECOND) > 0
    assert await reserved(store) == {"r2", "r3", "r4"}
    await store.forget(NOON + LONGEST + DAY + SECOND)
    assert await reserved(store) == {"r2", "r3"}


def test_no_limit_looks_back_further_than_the_store_remembers() -> None:
    """Neither a rule's own nor the installation's."""
    assert MAX_WINDOW == LONGEST


async def refused(store: Store, remediation: Remediation, **how: object) -> Refused:
    answer = await begin(store, remediation, **how)  # type: ignore[arg-type] # as begin has them
    assert isinstance(answer, Refused), answer
    return answer


async def test_an_effect_beneath_an_effect_waits(store: Store) -> None:
    """A host of the rack that is being powered, and the rack of a host: until the outcome is known."""
    one, two = await under_way(store, 2)
    assert isinstance(await begin(store, one, on="rack/r1"), Intent)
    no = await refused(store, two, on="host/a", place=Place(above=("rack/r1",)))
    assert (no.guard, no.why.partition(" on ")[2]) == ("unsettled", "rack/r1 has no outcome yet")
    assert isinstance(await begin(store, two, on="host/b", place=Place(above=("rack/r2",))), Intent)
    other = await refused(store, one, on="rack/r2")
    assert other.guard == "unsettled", "what is above it is written with the intent"


@pytest.mark.parametrize(("first", "second"), [(CORDON, UNCORDON), (UNCORDON, CORDON)])
async def test_two_opposing_actions_do_not_interleave(store: Store, first: PlanStep, second: PlanStep) -> None:
    """Whichever of them names the other, until the first remediation is at its end; elsewhere they may."""
    one, two = await under_way(store, 2)
    intent = await begin(store, one, doing=first)
    assert isinstance(intent, Intent)
    stored = await store.remediation("r1")
    assert stored is not None
    verifying = msgspec.structs.replace(stored, state="verifying")
    settled = msgspec.structs.replace(intent, outcome="succeeded")
    assert await store.settle_intent(settled, verifying, was="executing", now=NOON)
    assert (await refused(store, two, doing=second)).guard == "opposing action"
    assert isinstance(await begin(store, two, doing=second, on="h2"), Intent)


async def test_of_two_who_want_the_last_place_one_is_refused(store: Store) -> None:
    """Siblings are counted where the intent is written: nobody can be overtaken between looking and acting."""
    share = Limit(1, 0, "share", "share", guard="share of siblings", share=0.2)
    one, two = await under_way(store, 2, plan(limits=(share,)))
    group = Group("siblings", frozenset({"h1", "h2", "h3", "h4", "h5"}), frozenset({"h1", "h2"}))

    def at(node: str) -> Place:
        return Place(siblings=msgspec.structs.replace(group, unwell=frozenset({node})))

    answers = await asyncio.gather(
        begin(store, one, on="h1", place=at("h1")), begin(store, two, on="h2", place=at("h2"))
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Intent", "Refused"]


async def test_limits_of_the_installation_are_about_their_step(store: Store) -> None:
    """One per target and one per action: another target and another action do not count, and all rules do."""
    limits = (
        Limit(1, HOUR, "target:h1", guard="rate per target", on="h1"),
        Limit(1, HOUR, "action:cordon", guard="rate per action", action="cordon"),
    )
    one, two = await under_way(store, 2, plan(limits=limits))
    await acts(store, one, "succeeded")
    no = await refused(store, two, now=NOON + MINUTE)
    assert (no.guard, no.retry_at) == ("rate per target", NOON + HOUR)
    assert isinstance(await begin(store, two, on="h2", now=NOON + MINUTE), Intent)


async def test_a_rule_that_did_not_help_twice_is_suspended_with_the_second(store: Store) -> None:
    """In the same transaction: the switch is thrown, people are told, and the third is refused for good."""
    runs = await under_way(store, 4, plan(limits=(TWICE,)))
    await acts(store, runs[0], "not_verified")
    assert [one for one in await store.switches() if one.thrown] == []
    await acts(store, runs[1], "failed", now=NOON + HOUR)
    (switch,) = await store.switches()
    assert (switch.scope, switch.thrown, switch.by) == (SUSPENDED, True, "healer")
    assert switch.why == "2 runs in 1d did not help; the last: it is still down"
    assert Troubled("suspended restart on h1", True, switch.why) in await journal(store)
    no = await refused(store, runs[2], now=NOON + 2 * DAY)
    assert (no.guard, no.ends) == ("ineffective", "refused")
    assert isinstance(await begin(store, runs[2], on="h2", now=NOON + 2 * DAY), Intent), "elsewhere it goes on"


async def test_who_resumes_a_rule_begins_its_count_anew(store: Store) -> None:
    """What failed before does not count, and nobody is told of a suspension any more."""
    runs = await under_way(store, 4, plan(limits=(TWICE,)))
    await acts(store, runs[0], "not_verified")
    await acts(store, runs[1], "not_verified", now=NOON + MINUTE)
    await store.throw(Switch(SUSPENDED, False, "ann", "the disk was replaced", NOON + HOUR))
    assert Troubled("suspended restart on h1", False, "the disk was replaced") in await journal(store)
    await acts(store, runs[2], "not_verified", now=NOON + 2 * HOUR)
    assert [one.thrown for one in await store.switches()] == [False]
    await acts(store, runs[3], "not_verified", now=NOON + 3 * HOUR)
    assert [one.thrown for one in await store.switches()] == [True]


async def test_what_had_no_effect_is_no_failure(store: Store) -> None:
    """A remediation that could not begin, or whose target is another, does not count against the rule here."""
    runs = await under_way(store, 3, plan(limits=(TWICE,)))
    for remediation in runs[:2]:
        handed = msgspec.structs.replace(remediation, state="handed_over")
        assert await store.move(handed, was="planned", now=NOON)
    await acts(store, runs[2], "failed", on="h2")
    assert await store.switches() == []


async def test_a_pause_of_a_cluster_is_about_its_nodes(store: Store) -> None:
    """Its scope is among those of the target's place."""
    one, two = await under_way(store, 2)
    await store.throw(Switch("cluster:north", True, "ann", "an upgrade", NOON))
    no = await refused(store, one, place=Place(("all", "rule:restart", "cluster:north")))
    assert (no.guard, no.why) == ("kill switch", "cluster:north was paused by ann: an upgrade")
    assert isinstance(await begin(store, two, place=Place(("all", "rule:restart", "cluster:south"))), Intent)


async def test_asking_reserves_nothing(store: Store) -> None:
    """Every counted guard can be asked beforehand, of a plan that is not stored, too; only T3 counts."""
    (one,) = await under_way(store, 1, plan(limits=(Limit(1, HOUR, "k"),)))
    for asked in (one, msgspec.structs.replace(one, id="on paper")):
        answers = await store.count(asked, RESTART, Place(), now=NOON)
        assert all(answer.allows for answer in answers), answers
    assert isinstance(await begin(store, one), Intent)
