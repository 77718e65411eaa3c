"""Who is next, where an agent has a place free."""

from hypothesis import given
from hypothesis import strategies as st

from healer.executors.agent.turns import AGING, Turn, next_turn
from healer.times import SECOND


def test_nobody_waits() -> None:
    assert next_turn([], 0) is None


def test_the_highest_priority_goes_first() -> None:
    assert next_turn([Turn(1, 0, 0), Turn(2, 5, 0), Turn(3, 1, 0)], SECOND) == Turn(2, 5, 0)


@given(st.permutations([Turn(number, 3, 0) for number in range(6)]))
def test_equals_go_in_the_order_in_which_they_came(waiting: list[Turn]) -> None:
    """Wherever they stand in the list."""
    assert next_turn(waiting, AGING * 3) == Turn(0, 3, 0)


def test_nobody_starves() -> None:
    """Something urgent comes every second, and an agent has a place every second: the least urgent has its turn all the same."""
    waiting, now, served = [Turn(0, 0, 0)], 0, list[int]()
    while 0 not in served:
        now += SECOND
        waiting.append(Turn(now // SECOND, 9, now))
        turn = next_turn(waiting, now)
        assert turn is not None
        waiting.remove(turn)
        served.append(turn.number)
    assert now <= AGING * 10


def test_a_clock_that_went_back_makes_nobody_older() -> None:
    assert next_turn([Turn(1, 0, 100 * SECOND), Turn(2, 1, 0)], 0) == Turn(2, 1, 0)
