"""What waits for an agent, and what reaches it: as much as it has room for, the most urgent first, nothing when it is gone."""

import itertools

import pytest

from healer.executors.agent.post import LOOKS, SILENT, Line, Post
from healer.executors.agent.wire import BEAT, Beat, Go, Heard, Pull, Ready, Report, Task, ToAgent
from healer.executors.conversation import Cut
from healer.executors.target import Order, Result
from healer.times import Micros


class Time:
    def __init__(self) -> None:
        self.at: Micros = 0

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> Micros:
        return self.at


def order(intent: str, priority: int = 0) -> Order:
    return Order(intent, 0, 1, "cn-1", "", ("/bin/true",), 20, priority=priority)


class Desk:
    """One post with its agent's line; `said` is what the agent hears."""

    def __init__(self) -> None:
        self.clock, numbers = Time(), itertools.count()
        self.post = Post("cn-1", self.clock, lambda: f"h:{next(numbers)}")
        self.said: list[ToAgent] = []
        self.line = self.dial()

    def dial(self) -> Line:
        line = Line(self.said.append, lambda _: None, 0)
        self.post.take_up(line)
        return line

    def handed(self) -> list[str]:
        return [each.order.intent for each in self.said if isinstance(each, Task)]


def test_no_more_than_there_is_room_for() -> None:
    """The most urgent first, and the next when a place is free again."""
    desk = Desk()
    for intent, priority in (("low", 0), ("high", 3), ("middle", 1), ("late", 3)):
        desk.post.open("run", order(intent, priority))
    assert desk.handed() == []
    desk.post.hear(Pull(3))
    assert desk.handed() == ["high", "late", "middle"]
    desk.post.hear(Pull(1))
    assert desk.handed()[3:] == ["low"]


def test_looks_do_not_wait_behind_runs() -> None:
    """They take no place; but a hundred of them do not go out at once either."""
    desk = Desk()
    desk.post.open("run", order("run"))
    for number in range(LOOKS + 1):
        desk.post.open("probe", order(f"look-{number}"))
    assert desk.handed() == [f"look-{number}" for number in range(LOOKS)]


def test_nothing_for_a_silent_one() -> None:
    """After three beats that were missed it is given nothing; when it is heard again it is."""
    desk = Desk()
    desk.post.hear(Pull(3))
    desk.clock.at += SILENT + 1
    desk.post.open("run", order("a"))
    assert not desk.post.active
    assert desk.handed() == []
    desk.post.hear(Beat(0.1, 0))
    assert desk.handed() == ["a"]
    assert SILENT == 3 * BEAT


async def test_a_cut_line() -> None:
    """What was handed out without a go is known to have had no effect; what had one is waited for, over the next line."""
    desk = Desk()
    desk.post.hear(Pull(3))
    waits, goes = desk.post.open("run", order("waits")), desk.post.open("run", order("goes"))
    desk.post.hear(Ready(goes.id))
    assert isinstance(await goes.next(1), Ready)
    assert desk.post.go(goes)
    desk.post.hung_up(desk.line)
    with pytest.raises(Cut):
        await waits.next(1)
    assert not desk.post.go(waits)
    desk.line = desk.dial()
    report = Report(goes.id, "goes", "run", Result("succeeded"))
    assert desk.post.hear(report)
    assert await goes.next(1) == report
    assert desk.said[-1] == Heard(goes.id)


def test_a_stranger_gets_no_go() -> None:
    """An errand that nobody waits for any more, or never did, does not start; its report is acknowledged all the same."""
    desk = Desk()
    desk.post.hear(Ready("x:1"))
    assert desk.said == [Go("x:1", False)]
    assert not desk.post.hear(Report("x:1", "i", "run", Result("failed", started=False)))
    assert desk.said[1:] == [Heard("x:1")]


def test_whoever_stops_waiting_says_so() -> None:
    """The agent need not wait for a go that never comes."""
    desk = Desk()
    desk.post.hear(Pull(3))
    errand = desk.post.open("run", order("a"))
    desk.post.close(errand)
    assert desk.said[-1] == Go(errand.id, False)


def test_an_old_line_ends_nothing() -> None:
    """When the agent has dialled anew, the end of the line before is no news."""
    desk = Desk()
    before, desk.line = desk.line, desk.dial()
    desk.post.hear(Pull(1))
    desk.post.hung_up(before)
    desk.post.open("run", order("a"))
    assert desk.handed() == ["a"]
