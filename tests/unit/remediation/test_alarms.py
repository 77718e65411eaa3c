"""When something is to be looked at again."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from healer.remediation.alarms import Alarms
from healer.times import Micros

_SET = st.tuples(st.just("set"), st.sampled_from("abc"), st.none() | st.integers(0, 20))
_RING = st.tuples(st.just("ring"), st.just(""), st.integers(0, 20))


@given(st.lists(st.one_of(_SET, _RING)))
def test_each_rings_once_at_what_was_set_last(told: Sequence[tuple[str, str, Micros | None]]) -> None:
    """As a table of instants would have it that is looked through each time."""
    alarms, table = Alarms(), dict[str, Micros]()
    for what, id, at in told:
        if what == "set":
            alarms.set(id, at)
            table.pop(id, None)
            if at is not None:
                table[id] = at
        else:
            assert at is not None
            due = sorted((when, one) for one, when in table.items() if when <= at)
            assert list(alarms.ring(at)) == [one for _, one in due]
            for _, one in due:
                del table[one]
        assert alarms.next_at() == min(table.values(), default=None)
