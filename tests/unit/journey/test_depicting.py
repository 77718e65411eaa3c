"""Which part of the topology is shown of an incident that is under way."""

import asyncio

from healer.journey.depicting import part
from tests.unit.journey.owning import Stage, staged
from tests.unit.journey.test_assembly import Service


def test_what_is_shown_is_what_fires_beneath_the_root() -> None:
    """The root's way down to each node with an alert that it explains, as it is now; of what nobody knows, nothing."""

    async def play(stage: Stage) -> None:
        service = Service(stage)
        await service.healer.start()
        await service.accepts("SwitchDown@switch/s", "HostDown@host/a")
        await asyncio.sleep(10)
        view = service.healer.view
        (incident,) = service.healer.owner.fold.incidents()
        shown = part(view, incident.id)
        assert shown is not None
        assert [(node.name, node.depth, node.condition) for node in shown.nodes] == [
            ("switch/s", 0, "root"),
            ("rack/r", 1, "on the way"),
            ("host/a", 2, "hurt"),
        ]
        assert part(view, "nobody knows it") is None
        await service.healer.stop(5)

    staged(play)
