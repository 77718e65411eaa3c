"""Two healers on one PostgreSQL: both accept and tell, one converges, and the other goes on when that one is gone."""

import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.effort import Effort
from tests.integration.replicas.pair import Pair, pair, ready, until
from tests.servers.healer import Healer

HAND_OVER_S = 5.0
"""Within so many seconds another one converges, after a kill -9 too."""


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    with pair(tmp_path) as both:
        both.start()
        yield both


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


def test_the_other_goes_on_when_one_is_killed(both: Pair, effort: Effort, say: Callable[[str], None]) -> None:
    """Alerts sent to either are in one state of things; after kill -9 of who converges nothing is lost, nothing told twice, and
    the end is told of what the dead one had told."""
    owner, follower = both.converges()
    assert "converges (epoch 1)" in ready(owner)
    assert f"follows {owner.folder.name} at {owner.url}" in ready(follower)
    assert f"ask {owner.folder.name} at {owner.url}" in refused(follower)
    both.send(owner, "a")
    both.send(follower, "b")
    told_once(both, 2)
    assert [known(healer) for healer in (owner, follower)] == [4, 4]
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
        told_once(both, 4 + 2 * turn)
        assert known(follower) == both.sent
        if effort.name == "full":
            (owner.resume if way == "pause" else owner.start)()
            until(partial(follows, both), "it follows", owner, follower)
    both.send(follower, "a", "b", ends=True)
    until(lambda: sum("over" in one["text"].lower() for one in both.chat.messages()) == 2, "the end is told", follower)
