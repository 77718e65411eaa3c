"""What waits for T3 at one moment is written together, and each is judged as if it came after those before it."""

import msgspec
import pytest
from sqlalchemy import Connection

from healer.audit.chain import START, Head, seal
from healer.remediation.guards import Group, Place
from healer.remediation.model import Intent, Limit, PlanStep, Refused, Remediation
from healer.remediation.ports import Switch
from healer.store.store import Store
from healer.store.transaction import Transaction
from healer.store.transactions import intents
from healer.times import HOUR, SECOND
from tests.contracts.store.given import NOON, RESTART, plan
from tests.contracts.store.test_counting import under_way
from tests.contracts.store.test_effects import now_is

TWO_AN_HOUR = Limit(2, HOUR, "rule:restart", guard="rate per rule")


def asked(remediation: Remediation, on: str, place: Place = Place(), now: int = NOON) -> intents.Asked:  # noqa: B008 - frozen
    step: PlanStep = msgspec.structs.replace(RESTART, node=on)
    return intents.Asked(remediation, step, f"{remediation.id}.0.0", now + SECOND, now, place, author="me")


async def together(store: Store, *each: intents.Asked) -> list[Intent | Refused]:
    """One transaction for all."""

    def write(transaction: Transaction) -> list[Intent | Refused]:
        return list(intents.write.many(transaction, [(1, one) for one in each]))

    return await store.run.write("together", write)


async def test_one_that_is_refused_undoes_none(store: Store) -> None:
    """The third of two that a limit allows, and the second on one target; the others have their intents, and go on."""
    one, two, three, four = await under_way(store, 4, plan(limits=(TWO_AN_HOUR,)))
    found = await together(store, asked(one, "h1"), asked(two, "h1"), asked(three, "h3"), asked(four, "h4"))
    assert [getattr(each, "guard", "") for each in found] == ["", "unsettled", "", "rate per rule"]
    assert [each.id for each in await store.unsettled()] == ["r1.0.0", "r3.0.0"]
    states = [(await now_is(store, each)).state for each in (one, two, three, four)]
    assert states == ["executing", "planned", "executing", "planned"]


async def test_what_is_written_together_is_counted_as_one_by_one(store: Store) -> None:
    """Alone or together, the guards say the same of each, word by word."""
    limits = (TWO_AN_HOUR, Limit(1, 0, "share", "share", guard="share of siblings", share=0.5))
    six = await under_way(store, 6, plan(limits=limits))
    group = Group("siblings", frozenset({"h1", "h2", "h3", "h4"}), frozenset())
    first, second = (asked(each, f"h{number}", Place(siblings=group)) for number, each in enumerate(six[:2], 1))
    alone = [await together(store, each) for each in (first, second)]
    assert [
        await store.settle_intent(ended(each), await over(store, each), was="executing", now=NOON) for (each,) in alone
    ]
    later = NOON + 2 * HOUR
    again = [asked(each, f"h{number}", Place(siblings=group), later) for number, each in enumerate(six[2:], 1)]
    found = await together(store, *again)
    said = [each.guards if isinstance(each, Intent) else each.guard for each in found]
    assert said[:2] == [each.guards for (each,) in alone if isinstance(each, Intent)]
    assert said[2:] == ["rate per rule", "rate per rule"]


def ended(intent: Intent | Refused) -> Intent:
    assert isinstance(intent, Intent), intent
    return msgspec.structs.replace(intent, outcome="succeeded", exit_code=0)


async def over(store: Store, intent: Intent | Refused) -> Remediation:
    assert isinstance(intent, Intent)
    stored = await store.remediation(intent.remediation)
    assert stored is not None
    return msgspec.structs.replace(stored, state="succeeded")


async def test_the_same_twice_is_one_intent(store: Store) -> None:
    """Who gave up waiting and asks again meets itself: one intent, one token, for both."""
    (one,) = await under_way(store, 1)
    first, second = await together(store, asked(one, "h1"), asked(one, "h1"))
    assert isinstance(first, Intent)
    assert first == second
    assert first.token == 1
    assert await store.unsettled() == [first]


async def test_the_log_of_many_is_one_chain(store: Store) -> None:
    """What shares a commit is sealed in its order, and the head is the newest of it."""
    several = await under_way(store, 3)
    await together(store, *(asked(each, f"h{number}") for number, each in enumerate(several)))
    await together(store, asked(several[0], "h9", now=NOON + SECOND))
    entries = await store.entries(0, 100)
    head = Head(entries[0].writer, 0, START)
    for entry in entries:
        head = seal(head, entry.at, entry.kind, entry.detail)
        assert (entry.place, entry.digest) == (head.place, head.digest)
    assert await store.heads() == [head]


@pytest.mark.parametrize("name", ["a\0b", "a", "a\ufffd'\"{},\\"])
async def test_no_name_makes_a_limit_miscount(store: Store, name: str) -> None:
    """Whatever a node is called, what it counts under is found again, and so is the switch that is about it."""
    once = Limit(1, HOUR, f"target:{name}", guard="rate per target")
    one, two = await under_way(store, 2, plan(limits=(once,)))
    first, second = await together(store, asked(one, name), asked(two, "h2"))
    assert isinstance(first, Intent)
    assert (first.target, first.token) == (name, 1)
    assert isinstance(second, Refused)
    (third,) = await together(store, asked(two, "h2", now=NOON + SECOND))
    assert isinstance(third, Refused), "stored, and read again"
    assert third.guard == "rate per target"
    await store.throw(Switch(f"cluster:{name}", True, "ann", "why not", NOON))
    (fourth,) = await together(store, asked(two, "h2", Place((f"cluster:{name}",)), NOON + 2 * HOUR))
    assert isinstance(fourth, Refused)
    assert fourth.guard == "kill switch"


async def test_a_look_counts_each_as_if_it_were_alone(store: Store) -> None:
    """Nothing is reserved by a look: of two who want the last place both may still have it."""
    one, two = await under_way(store, 2, plan(limits=(Limit(1, HOUR, "rule:restart", guard="rate per rule"),)))

    def look(connection: Connection) -> list[bool]:
        counts = intents.count.many(connection, [(each, RESTART, Place(), NOON) for each in (one, two)])
        return [all(answer.allows for answer in answers) for answers in counts]

    assert await store.run.read("look", look) == [True, True]
