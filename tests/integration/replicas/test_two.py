"""Two healers on one PostgreSQL and one Redis: both accept and tell, one converges, and the other goes on when that one is gone;
and what becomes of both when Redis or PostgreSQL is. One pair for all of it, in this order: servers take longer than tests."""

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.effort import Effort
from tests.integration.replicas.pair import Pair, pair, ready, until
from tests.servers.healer import Healer

HAND_OVER_S = 5.0
"""Within so many seconds another one converges, after a kill -9 too."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("pair")) as both:
        both.start()
        yield both


@pytest.fixture(scope="module")
def agent(both: Pair) -> Iterator[None]:
    """A machine that dials in."""
    with both.agent():
        yield


LEAVES: dict[str, Callable[[Healer], None]] = {"kill": Healer.kill, "stop": Healer.stop, "pause": Healer.pause}
"""How the one that converges leaves: by kill -9, in peace, or standing still for longer than its term."""


def converges(healer: Healer) -> bool:
    mine: bool = healer.api("owner")["converges"]
    return mine


def follows(both: Pair) -> bool:
    """Whether one of the two follows, and knows all that was sent."""
    followers = [healer for healer in both.healers.values() if not converges(healer)]
    return len(followers) == 1 and known(followers[0]) == both.sent


def known(healer: Healer) -> int:
    """Alerts that it knows."""
    total: int = healer.api("alerts?limit=0")["total"]
    return total


def told_once(both: Pair, roots: int) -> None:
    """Everybody heard of each root, and once."""
    every = tuple(both.healers.values())
    until(lambda: len(both.sends()) >= roots, f"{roots} incidents are told", *every)
    assert Counter(both.sends()).most_common(1)[0][1] == 1, both.sends()


def refused(healer: Healer) -> str:
    """What it says to a graph that is put."""
    request = urllib.request.Request(f"{healer.url}/api/v1/topology", data=b'{"nodes": []}', method="PUT")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 503
    return caught.value.read().decode()


def test_an_agent_is_led_to_the_one_that_repairs(both: Pair, agent: None) -> None:
    """It dialled the one that follows first; whoever is told of what broke, the order reaches it."""
    owner, follower = both.converges()
    until(lambda: [one["status"] for one in owner.api("agents")["items"]] == ["active"], "it is there", owner, follower)
    both.send_unit(follower, "m1")
    until(lambda: both.mended() == 1, "it is mended", owner, follower)


def test_the_other_goes_on_when_one_is_killed(both: Pair, effort: Effort, say: Callable[[str], None]) -> None:
    """Alerts sent to either are in one state of things; after kill -9 of who converges nothing is lost, nothing told twice, and
    the end is told of what the dead one had told."""
    owner, follower = both.converges()
    assert "converges (epoch 1)" in ready(owner)
    assert f"follows {owner.folder.name} at {owner.url}" in ready(follower)
    assert f"ask {owner.folder.name} at {owner.url}" in refused(follower)
    both.send(owner, "a")
    both.send(follower, "b")
    told_once(both, 3)
    assert [known(healer) for healer in (owner, follower)] == [both.sent] * 2
    until(
        lambda: owner.api("incidents")["items"] == follower.api("incidents")["items"],
        "both say the same",
        owner,
        follower,
    )

    for turn, way in enumerate(("kill", "stop", "pause") * 6 if effort.name == "full" else ("kill",)):
        owner, follower = both.converges()
        both.send(owner, f"late-{turn}")
        began = time.monotonic()
        LEAVES[way](owner)
        both.send(follower, f"alone-{turn}")
        until(partial(converges, follower), "the other converges", owner, follower)
        took = time.monotonic() - began
        say(f"turn {turn}: the other converges {took:.1f} s after {way}")
        assert took < HAND_OVER_S or effort.name == "ci", took
        told_once(both, 5 + 2 * turn)
        assert known(follower) == both.sent
        if effort.name == "full":
            (owner.resume if way == "pause" else owner.start)()
            until(partial(follows, both), "it follows", owner, follower)
    both.send(follower, "a", "b", ends=True)
    until(lambda: sum("over" in one["text"].lower() for one in both.chat.messages()) == 2, "the end is told", follower)


def test_an_agent_finds_the_next_one(both: Pair, agent: None) -> None:
    """Whoever repairs now has its line, and its orders."""
    owner = the_one(both)
    until(lambda: [one["status"] for one in owner.api("agents")["items"]] == ["active"], "it is there", owner)
    both.send_unit(owner, "m2")
    until(lambda: both.mended() == 2, "it is mended", owner)


def the_one(both: Pair) -> Healer:
    """Who converges, of those that are left."""
    (owner,) = (healer for healer in both.healers.values() if healer.answers() and converges(healer))
    return owner


def edited(both: Pair, words: str) -> bool:
    """Whether a message with these words has changed since."""
    return any(words in one["text"] and one["edits"] for one in both.chat.messages())


def told_of(both: Pair, words: str, since: int = 0) -> int:
    """In how many new messages people read this, the first ones apart."""
    return sum(words in line for line in both.sends()[since:])


def test_without_redis_nothing_is_repaired_and_everything_told(both: Pair, effort: Effort) -> None:
    """Alerts are accepted, converged and told as ever; effects wait, healer says so, and they happen when Redis is back."""
    owner, since = the_one(both), len(both.sends())
    both.send_cache(owner, "cache-1")
    assert len(both.target.wait("/flush")) == 1
    both.node.kill()
    both.send_cache(owner, "cache-2")
    until(lambda: told_of(both, "host cache-", since) == 2, "both are told", owner)
    assert len(both.target.of("/flush")) == 1
    if effort.name == "full":
        until(lambda: told_of(both, "no locks", since), "people hear that nothing is repaired", owner, within=150)
        waits = [one["detail"] for one in owner.api("remediations")["items"] if one["state"] == "waiting"]
        assert [why.startswith("lock: no lock of host/cache-2 can be had") for why in waits] == [True], waits
    assert len(both.target.of("/flush")) == 1
    both.node.start()
    assert len(both.target.wait("/flush", 2)) == 2
    if effort.name == "full":
        until(lambda: edited(both, "no locks"), "people hear that this is over", owner, within=60)


def test_without_postgresql_senders_wait_and_people_know(both: Pair, effort: Effort) -> None:
    """Alerts are answered 503, and people are told from memory that healer is blind; afterwards everything goes on by itself,
    with whatever is sent again."""
    alive = [healer for healer in both.healers.values() if healer.answers()]
    since = len(both.sends())
    both.server.stop()
    for healer in alive:
        with pytest.raises(urllib.error.HTTPError) as caught:
            both.send_cache(healer, "cache-3")
        with caught.value as answer:
            assert answer.code == 503
    if effort.name == "full":
        until(lambda: told_of(both, "blind", since) == len(alive), "people know", *alive, within=90)
        time.sleep(30)  # long enough for whatever gives up
    both.server.start()
    began = time.monotonic()
    both.send(alive[0], "after")
    until(lambda: told_of(both, "host after", since) == 1, "it is told", *alive)
    assert time.monotonic() - began < 30, "whatever was tried in vain is tried again soon"
    until(lambda: any(converges(healer) for healer in alive), "one converges", *alive)
    both.send_cache(the_one(both), "cache-3")
    assert len(both.target.wait("/flush", 3)) == 3
    if effort.name == "full":
        until(lambda: told_of(both, "sees again", since) == len(alive), "people know", *alive, within=90)
    assert not any("Traceback" in healer.log for healer in alive), alive[0].log[-6_000:]
