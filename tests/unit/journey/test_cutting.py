"""How records were batched into steps, and where a fold went on in another process, changes nothing that was decided."""

from hypothesis import given
from hypothesis import strategies as st

from healer.journey.charter import Charter
from healer.journey.fold import Fold, remembered
from healer.journey.records import Adopted
from healer.times import SECOND
from tests.unit.journey.scripts import Event, played, scripts
from tests.unit.journey.world import INSTALLATION, QUIET, Diary, World, cut, read


@given(scripts, st.data())
def test_how_records_were_cut_into_steps_changes_nothing(script: list[Event], data: st.DataObject) -> None:
    """The same records in other steps: the same incidents, timeline, remediations, endings, and last words to everyone."""
    world = played(script)
    last = world.position
    world.until((world.entries[-1].at - world.entries[0].at) / SECOND + QUIET)
    somewhere = data.draw(st.sets(st.integers(1, last)))
    for cuts in (somewhere, set[int]()):
        again = cut(world.entries, world.charters, cuts, Fold(world.charter, INSTALLATION))
        assert again.decided() == world.diary.decided()


def test_who_says_late_that_it_is_well_again_is_told_on() -> None:
    """Also where memory forgets the incident before mere numbers would be told: the last words are what is known in the end."""
    world = played(
        [
            Event(0, "fires", ("ServiceDown@",), 5, 4),
            Event(18, "fires", ("ServiceDown@host/a",), 0, 0),
            Event(0, "ends", ("ServiceDown@",), 0, 0),
            Event(1, "fires", ("ServiceDown@host/a",), 0, 0),
        ]
    )
    told = (read(story) for story, *_ in world.diary.told.values())
    [story] = [story for story in told if story.state == "over"]
    assert story.lines[-1].endswith("Prometheus says that it is well again")


@given(scripts, st.data())
def test_a_fold_goes_on_elsewhere_as_if_nothing_had_been(script: list[Event], data: st.DataObject) -> None:
    """Dumped and loaded between any two steps it decides, step by step and byte by byte, what the first one decided."""
    world = played(script)
    at = data.draw(st.integers(1, world.position))
    first = stepped(world, Fold(world.charter, INSTALLATION), 0, at)
    memory = remembered(first.dump())
    moved = Fold.load(memory, world.charters[memory.adopted], INSTALLATION)
    assert moved.dump() == first.dump()
    diary = Diary()
    stepped(world, moved, at, world.position, diary)
    assert [step.digest for step in diary.steps] == [step.digest for step in world.diary.steps[at:]]
    assert moved.dump() == world.fold.dump()


def stepped(world: World, fold: Fold, after: int, to: int, diary: Diary | None = None) -> Fold:
    """A fold, fed one record a step."""
    for entry in world.entries[after:to]:
        fold.apply(entry, charter_of(world, entry.record))
        step = fold.take(entry.position, 1, entry.position, entry.position)
        if diary is not None:
            diary.write(step)
    return fold


def charter_of(world: World, record: object) -> Charter | None:
    return world.charters[record] if isinstance(record, Adopted) else None
