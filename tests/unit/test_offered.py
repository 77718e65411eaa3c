"""What the web is handed of a running healer."""

from types import SimpleNamespace
from typing import Any

from healer.bootstrap.offered import previewed
from healer.notification.wording import Speech
from notifiers.sender import Limits, Unit
from tests.unit.journey.world import World, fires


def _healer(world: World, limits: Limits) -> Any:
    """As much of a healer as a preview looks at, around a real fold."""
    plan = SimpleNamespace(base_url="http://healer.example.net", speech={"duty": Speech("zh", "Asia/Shanghai")})
    ports = SimpleNamespace(senders={"duty": SimpleNamespace(limits=limits)})
    return SimpleNamespace(owner=SimpleNamespace(fold=world.fold), ports=ports, plan=plan)


def test_a_preview_has_the_words_of_its_channel() -> None:
    """In its language and zone, cut as the channel cuts; None for what is not known."""
    world = World()
    world.applied(1, fires("HostDown@host/a"))
    world.until(600)
    incident = world.open[0].id
    shown = previewed(_healer(world, Limits(0, Unit.NONE)), incident, "duty")
    assert shown is not None
    assert shown.startswith("[严重 ")
    assert " CST (" in shown
    cut = previewed(_healer(world, Limits(120, Unit.BYTES)), incident, "duty")
    assert cut is not None
    assert len(cut.encode()) <= 120
    assert previewed(_healer(world, Limits(0, Unit.NONE)), incident, "nobody") is None
    assert previewed(_healer(world, Limits(0, Unit.NONE)), "i0", "duty") is None
