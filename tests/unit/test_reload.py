"""A reload is taken or not, one at a time, and says which."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from healer.documents.problems import DocumentError, Problem
from healer.reload import NotReloaded, Reload, Reloaded
from healer.times import SECOND, Micros

WRONG = Problem("healer.yaml", 3, 7, "store.url", "expected a URL")


class Hands:
    """A clock that somebody turns."""

    def __init__(self) -> None:
        self.at: Micros = 100 * SECOND

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> Micros:
        return self.at


def numbers(reload: Reload) -> list[float]:
    return [sample.value for sample in reload.samples()]


def raising(error: Exception) -> Callable[[], Awaitable[Reloaded]]:
    async def again() -> Reloaded:
        raise error

    return again


def test_a_start_counts_as_a_reload_that_succeeded() -> None:
    """Else an installation that never reloads would look broken."""
    assert numbers(Reload(raising(AssertionError()), Hands())) == [1, 100]


@pytest.mark.parametrize("error", [DocumentError([WRONG]), NotReloaded("wrong", "no", [WRONG])])
async def test_what_is_refused_is_said_and_the_time_of_the_last_good_one_stays(error: Exception) -> None:
    """With the place of each mistake, whoever found it."""
    clock = Hands()
    reload = Reload(raising(error), clock)
    clock.at += SECOND
    with pytest.raises(NotReloaded) as said:
        await reload()
    assert (said.value.because, said.value.problems) == ("wrong", (WRONG,))
    assert numbers(reload) == [0, 100]


async def test_a_defect_counts_as_a_failure_too() -> None:
    """Whoever looks at the metric learns of it."""
    reload = Reload(raising(RuntimeError("defect")), Hands())
    with pytest.raises(RuntimeError):
        await reload()
    assert numbers(reload) == [0, 100]


async def test_a_signal_is_answered_by_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal ends no task, and its line is there to be read."""
    await Reload(raising(NotReloaded("wrong", "no", [WRONG])), Hands()).on_signal()
    assert "not reloaded" in caplog.text
    assert "healer.yaml:3:7: store.url" in caplog.text


async def test_reloads_are_taken_one_after_the_other() -> None:
    """Two that come at once may not mix their files; a good one after a bad one mends the metric."""
    under_way, most = 0, 0

    async def again() -> Reloaded:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return Reloaded(changed=("place",))

    clock = Hands()
    reload = Reload(again, clock)
    clock.at += SECOND
    assert set(await asyncio.gather(reload(), reload())) == {Reloaded(changed=("place",))}
    assert most == 1
    assert numbers(reload) == [1, 101]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, [(False, "")]),
        (DocumentError([WRONG]), [(True, "the files cannot be used: healer.yaml:3:7: store.url: expected a URL")]),
        (NotReloaded("wrong", "the rules fail their own tests"), [(True, "the rules fail their own tests")]),
        (NotReloaded("restart", "store.url needs a restart"), []),
        (NotReloaded("unavailable", "not ready"), []),
    ],
)
async def test_files_that_are_wrong_are_told_until_good_ones_are_taken(
    error: Exception | None, told: list[tuple[bool, str]]
) -> None:
    """What only needs a restart, or another try, is whoever's who asked."""
    heard: list[tuple[bool, str]] = []

    async def again() -> Reloaded:
        if error is not None:
            raise error
        return Reloaded()

    async def tell(wrong: bool, why: str) -> None:
        heard.append((wrong, why))

    await Reload(again, Hands(), tell).on_signal()
    assert heard == told
