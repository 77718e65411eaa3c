"""What is to be seen of an incident: which nodes, in which order, how many; and the picture of it."""

import struct
import sys
from collections.abc import Callable

import pytest

from healer.notification.drawing import WIDTH, ExtraMissing, Pencil
from healer.notification.part import HURT, Node, Part, part_of
from healer.notification.pictures import Pictures
from notifiers.message import Answer, Told
from tests.standins.provider import PNG
from tests.unit.notification.test_deliver import TRACE, Stand, play


def names(part: Part) -> list[str]:
    return [f"{'  ' * node.depth}{node.name} {node.condition}" for node in part.nodes]


def test_a_tree_from_where_it_is_to_what_it_hurts() -> None:
    """What the root hangs on stands above it, the farthest first; what is hurt stands beneath, each below what leads to it."""
    ways = {"host/b": ("host/b",), "vm/a1": ("host/a", "vm/a1"), "vm/a2": ("host/a", "vm/a2")}
    assert names(part_of("rack/r17", ["room/3", "zone/cn-1"], ways)) == [
        "zone/cn-1 on the way",
        "  room/3 on the way",
        "    rack/r17 root",
        "      host/a on the way",
        "        vm/a1 hurt",
        "        vm/a2 hurt",
        "      host/b hurt",
    ]


def test_what_is_too_much_for_a_telephone_is_counted() -> None:
    """The nearest are shown, and how many more there are."""
    part = part_of("rack/r17", [], {f"host/h{number:02}": (f"host/h{number:02}",) for number in range(HURT + 5)})
    assert len(part.nodes) == 1 + HURT + 1
    assert part.nodes[-1] == Node("", 1, "hurt", hidden=5)


def test_a_root_alone_is_a_part() -> None:
    """Nothing above and nothing beneath: one node, whatever alerts sit on it."""
    assert names(part_of("db/main", [], {"db/main": ()})) == ["db/main root"]


def test_a_picture_follows_what_is_new_and_nothing_else() -> None:
    """An edit, an end, and a call that names no other place have none; and what is sent twice after a crash is recorded before
    its picture is drawn."""
    shown: list[tuple[str, str]] = []

    async def work(stand: Stand) -> None:
        async def illustrate(channel: str, incident: str, told: Told, trace_id: str) -> None:
            states = {row.message_id: row.state for row in await stand.store.rows(incident=incident)}
            assert states[told.pack()] == "told"
            assert trace_id == TRACE
            shown.append((channel, incident))

        stand.deliverer.illustrate = illustrate
        await stand.told(1)
        await stand.told(2, "healing")
        await stand.told(3, "needs you", matter="r1 failed")
        await stand.told(4, matter="root switch/s3")
        await stand.told(1, "over", incident="i2")

    play(work)
    assert shown == [("chat", "i1"), ("chat", "i1")], "where it is, and where it is after all"


async def test_a_picture_that_cannot_be_had_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong with it is logged, and no more."""

    class Scrawl:
        def draw(self, part: Part) -> bytes:
            raise ValueError("no ink")

    class Taker:
        takes_pictures = True

        async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
            raise AssertionError("there is nothing to be shown")

    async def aside(work: Callable[[], bytes]) -> bytes:
        return work()

    pictures = Pictures(lambda _: part_of("rack/r17", [], {}), aside)
    pictures.use(Scrawl(), {"duty": Taker(), "other": object()})
    await pictures.follow("duty", "i1", Told("1"), TRACE)
    await pictures.follow("other", "i1", Told("1"), TRACE)
    assert caplog.messages == ["channel duty has no picture of incident i1"]


def test_a_picture_is_small_and_as_wide_as_a_telephone() -> None:
    """Long names and many nodes make it no wider, and a few kilobytes are enough."""
    ways = {f"host/{'long-name-' * 9}{number}": (f"host/{'long-name-' * 9}{number}",) for number in range(99)}
    drawn = Pencil().draw(part_of("rack/r17 断电", ["zone/cn-1"], ways))
    assert drawn.startswith(PNG)
    assert struct.unpack(">I", drawn[16:20]) == (WIDTH,)
    assert len(drawn) < 40_000


def test_without_the_library_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that wants pictures without the extra names it when healer starts."""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ExtraMissing, match=r"install healer-oncall\[pictures\]"):
        Pencil()
