"""What must hold after all those deaths, by the counts of the sender, the chat and the host. Used by `test_kill`."""

import re
from collections import Counter
from typing import Any

from tests.integration.kill.records import Message, accepted, positions
from tests.integration.kill.world import World

_CALLS = re.compile(r"You (?:are|were) called\b")
_INCIDENT = re.compile(r"incident.*?>([0-9a-f]{12})<")


def is_call(request: dict[str, Any]) -> bool:
    """Whether a message calls people, beside the one that tells the story."""
    return _CALLS.search(request["text"]) is not None


def kept(world: World) -> int:
    """A1: every alert that got a 2xx is in the journal, which has no gap. Returns how many there were."""
    journal = set(accepted(world.database))
    lost = [labels for labels in world.sender.acknowledged if frozenset(labels.items()) not in journal]
    assert not lost, f"{len(lost)} of {len(world.sender.acknowledged)} acknowledged alerts are lost: {lost[:3]}"
    numbers = positions(world.database)
    assert numbers == list(range(1, len(numbers) + 1))
    return len(world.sender.acknowledged)


def known(world: World) -> None:
    """What fires and was acknowledged is known to whoever asks healer."""
    firing = {frozenset(one.items()) for one in world.sender.acknowledged if one["alertname"] == "Load"}
    total = world.healer.api("alerts?limit=0&filter=alertname=Load")["total"]
    assert total >= len(firing), f"{len(firing)} alerts fire, healer knows {total}"


def told_once(world: World) -> Counter[Message]:
    """A4: what is recorded as told is not sent again; without that, only the one send in flight at a death comes twice."""
    requests = world.telegram.requests()
    sends: Counter[Message] = Counter()
    recorded: set[Message] = set()
    in_flight: Counter[Message] = Counter()
    deaths = iter([*world.deaths, None])
    death = next(deaths)
    for number, request in enumerate(requests):
        while death is not None and number >= death.requests:
            recorded |= death.recorded
            in_flight.update(death.claimed - death.recorded)
            death = next(deaths)
        if request["method"].lower() == "sendmessage":
            incident = incident_of(request)
            sent = incident, is_call(request)
            assert sent not in recorded, f"{_name(sent)} was recorded as told, and is told again"
            sends[sent] += 1
    repeated = [request for request in world.telegram.asked() if "message is not modified" in request["outcome"]]
    assert len(repeated) <= len(world.deaths), f"{len(repeated)} editions came again after {len(world.deaths)} deaths"
    for sent, count in sends.items():
        assert count <= 1 + in_flight[sent], f"{_name(sent)} was sent {count} times"
    return sends


def acted_once(world: World) -> int:
    """E1: by the host's own log no effect came twice, and those that healer calls succeeded came. Returns how many."""
    counted = world.counted()
    twice = {tag: count for tag, count in counted.items() if count > 1}
    assert not twice, f"effects that were repeated: {twice}"
    for remediation in world.remediations():
        tag = remediation["steps"][0]["argv"][1]
        outcomes = [intent["outcome"] for intent in remediation["intents"]]
        assert outcomes.count("succeeded") <= counted[tag] <= len(outcomes), (tag, outcomes, counted[tag], remediation)
    return sum(counted.values())


def _name(message: Message) -> str:
    incident, calls = message
    return f"the call for incident {incident}" if calls else f"incident {incident}"


def incident_of(request: dict[str, Any]) -> str:
    """Which incident a message tells of."""
    found = _INCIDENT.search(request["text"])
    assert found, request["text"]
    return found[1]
