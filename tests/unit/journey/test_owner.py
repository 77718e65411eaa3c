"""The one who steps: what it comes back to, what it does when the store fails, and what others see of it meanwhile."""

import asyncio

import pytest

from healer.journey import owner as owning
from healer.journey.owner import GAP, STEP_RECORDS
from healer.journey.ports import Overtaken, StoreUnavailable
from healer.journey.records import Adopted, Delivered, Progressed, Resumed, decode
from healer.times import SECOND
from tests.unit.journey.owning import Life, Stage, marks, staged
from tests.unit.journey.world import changed, ends, fires, labels

DOWN = "ServiceDown@host/a"


async def live_through(life: Life) -> None:
    """A switch goes down with what is on it; a service is restarted; it is over."""
    await life.append(fires("Odd@host/a", "Odd@host/b", at=1, severity="warning"))
    await asyncio.sleep(2)
    await life.append(fires("SwitchDown@switch/s", at=2))
    await asyncio.sleep(20)
    await life.append(fires("ServiceDown@host/c", at=22))
    await asyncio.sleep(5)
    planned = next(one for step in life.steps for one in step.planned)
    await life.append(Progressed(planned.remediation, planned.plan.incident, "executing"))
    await asyncio.sleep(1)


def same(before: Life, after: Life) -> None:
    """Two owners know the same, to the byte, and replay decided what had been decided."""
    assert after.owner.fold.dump() == before.owner.fold.dump()
    assert after.owner.mismatches == 0
    assert after.owner.applied == before.owner.applied


def standing(life: Life) -> tuple[bool, int]:
    """Whether memory is lost, and how far it has come."""
    return life.owner.lost, life.owner.applied


# --- coming up


def test_from_nothing_the_journal_begins_with_what_was_adopted() -> None:
    """The first record says by what everything after it is decided."""

    async def play(stage: Stage) -> None:
        life = stage.life()
        assert (life.owner.ready, life.owner.lost) == (False, True)
        await life.recover()
        (row,) = await life.store.read(0, 10)
        assert isinstance(decode(row.data), Adopted)
        assert (life.owner.ready, life.owner.lost, life.owner.applied) == (True, False, 1)
        assert [(one.first, one.last) for one in await life.store.steps(0, 10)] == [(1, 1)]

    staged(play)


@pytest.mark.parametrize("snapshot_every", [1_000_000, 1, 3])
def test_a_restart_knows_what_was_known_and_tells_nothing_again(snapshot_every: int) -> None:
    """From steps alone, from a snapshot, from a snapshot and the steps after it: the same memory, and no new step."""

    async def play(stage: Stage) -> None:
        life = await stage.alive(snapshot_every=snapshot_every)
        await live_through(life)
        assert len(stage.execute("SELECT number FROM snapshot")) == {1_000_000: 0, 1: 2, 3: 1}[snapshot_every]
        again = await stage.reborn(life)
        same(life, again)
        assert again.steps == []

    staged(play)


@pytest.mark.parametrize("damage", ["data = x'00'", "data = x''", "version = 'another'"])
@pytest.mark.parametrize("which", ["the newest", "both"])
def test_a_snapshot_that_cannot_be_read_is_passed_over(damage: str, which: str) -> None:
    """The one before is taken, and without any the journal is folded from its beginning: the memory is the same."""

    async def play(stage: Stage) -> None:
        life = await stage.alive(snapshot_every=1)
        await live_through(life)
        newest = "" if which == "both" else "WHERE number = (SELECT max(number) FROM snapshot)"
        stage.execute(f"UPDATE snapshot SET {damage} {newest}")
        same(life, await stage.reborn(life))

    staged(play)


def test_what_was_accepted_and_not_applied_is_applied_before_anybody_asks() -> None:
    """Records whose owner died before their step are in the first steps of the next one."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.die()
        await life.append(fires(DOWN, at=1), fires("Odd@host/c", at=1))
        again = await stage.alive()
        assert again.owner.applied == 3
        assert again.owner.fold.engine.firing == 2
        assert again.owner.lag == 0

    staged(play)


def test_other_files_are_adopted_when_coming_up() -> None:
    """What the files say now is a record after all that was accepted before; the same files make none."""

    async def play(stage: Stage) -> None:
        life = await stage.reborn(await stage.alive())
        assert len(await life.store.read(0, 10)) == 1
        again = await stage.reborn(life, charter=changed(settle=7 * SECOND))
        assert [type(decode(row.data)) for row in await life.store.read(0, 10)] == [Adopted, Adopted]
        assert again.owner.fold.charter.settings.convergence.settle == 7 * SECOND

    staged(play)


def test_a_step_that_replay_decides_otherwise_is_counted() -> None:
    """Another version, or a defect: it is said and not hidden, and healer goes on."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await live_through(life)
        stage.execute("UPDATE step SET digest = 'otherwise' WHERE number = 2")
        again = await stage.reborn(life)
        assert again.owner.mismatches == 1
        assert again.owner.ready

    staged(play)


def test_a_recovery_that_failed_half_way_has_to_be_done_again() -> None:
    """What was applied on the way is committed, but nobody may go on from there as if all were known."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.die()
        await life.append(fires(DOWN, at=0))
        again = stage.life(charter=changed(settle=7 * SECOND))
        again.disk.faults["before append"].append(FULL)
        with pytest.raises(StoreUnavailable):
            await again.recover()
        assert (standing(again), again.owner.ready) == ((True, 2), False)
        await again.recover()
        assert (standing(again), again.owner.ready) == ((False, 3), True)
        assert again.owner.fold.charter.settings.convergence.settle == 7 * SECOND

    staged(play)


# --- time in which nobody stepped


def resumes(stage: Stage) -> list[Resumed]:
    records = [decode(data) for (data,) in stage.execute("SELECT data FROM journal ORDER BY position")]
    return [one for one in records if isinstance(one, Resumed)]


def test_after_a_gap_deadlines_have_moved() -> None:
    """Nobody lived for ten minutes: an alert with a minute to live has that minute still."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.append(fires(DOWN, at=0, lives=60))
        await asyncio.sleep(10)
        await life.die()
        await asyncio.sleep(600)
        again = await stage.alive()
        (resumed,) = resumes(stage)
        assert 590 * SECOND < resumed.gap <= 610 * SECOND
        await asyncio.sleep(30)
        assert again.owner.fold.engine.firing == 1
        await asyncio.sleep(40)
        assert again.owner.fold.engine.firing == 0

    staged(play)


def test_a_short_gap_is_none() -> None:
    """A restart that takes seconds moves nothing."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.die()
        await asyncio.sleep(GAP / SECOND)
        await stage.alive()
        assert resumes(stage) == []

    staged(play)


def test_a_machine_that_slept_is_a_gap_too() -> None:
    """Time ran on while the process stood still."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.append(fires(DOWN, at=0, lives=60))
        await asyncio.sleep(10)
        stage.clock.slept = 900 * SECOND
        await asyncio.sleep(20)
        assert [900 * SECOND <= one.gap <= 910 * SECOND for one in resumes(stage)] == [True]
        assert life.owner.fold.engine.firing == 1

    staged(play)


def test_a_store_that_took_nothing_for_long_is_a_gap_too() -> None:
    """While no step could be written no refresh could be heard: nothing expires merely because of that."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.append(fires(DOWN, at=0, lives=60))
        await asyncio.sleep(2.5)
        gate = life.disk.gates["before commit"] = asyncio.Event()
        await asyncio.sleep(600)
        gate.set()
        await asyncio.sleep(10)
        assert len(resumes(stage)) == 1
        assert life.owner.fold.engine.firing == 1
        await asyncio.sleep(60)
        assert life.owner.fold.engine.firing == 0

    staged(play)


def test_a_wall_clock_that_steps_back_stops_nothing() -> None:
    """Journal time stands until the clock has caught up; what comes meanwhile is applied."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await asyncio.sleep(100)
        await life.append(fires(DOWN, at=100))
        await asyncio.sleep(1)
        stage.clock.ahead = -50 * SECOND
        await life.append(fires("Odd@host/c", at=50))
        await life.owner.settled()
        assert life.owner.fold.engine.firing == 2
        await asyncio.sleep(60)
        assert [one.status for one in life.owner.fold.incidents()] == ["open", "open"]

    staged(play)


# --- a store that fails

FULL = StoreUnavailable("commit: database or disk is full")
LOST = StoreUnavailable("commit: no answer", ambiguous=True)


@pytest.mark.parametrize("fault", ["before commit", "after commit"])
def test_a_step_that_could_not_be_written_is_written_again_with_the_same_content(fault: str) -> None:
    """Also when it had been written and only the answer was lost: then it stands there once."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        life.disk.faults[fault].extend([FULL, FULL] if fault == "before commit" else [LOST, LOST])
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(0.01)
        troubled = life.owner.troubles.get("commit", "")
        assert ("full" if fault == "before commit" else "no answer") in troubled
        await asyncio.sleep(10)
        assert life.owner.troubles == {}
        stored = await life.store.steps(0, 100)
        assert [(one.number, one.digest) for one in stored] == [(one.number, one.digest) for one in life.steps]
        same(life, await stage.reborn(life))

    staged(play)


def test_who_was_overtaken_steps_no_more() -> None:
    """Another owner has a newer epoch: nothing of this one's is written, and it says that its memory is worth nothing."""

    async def play(stage: Stage) -> None:
        life = stage.life()
        await life.recover()
        await life.store.take_over("another")
        await life.append(fires(DOWN, at=0))
        with pytest.raises(Overtaken):
            await life.owner.run()
        assert standing(life) == (True, 1)
        assert len(await life.store.steps(0, 10)) == 1
        await life.recover()
        assert standing(life) == (False, 2)
        assert life.owner.fold.engine.firing == 1

    staged(play)


def test_what_fails_between_deciding_and_writing_leaves_memory_lost_until_recovered() -> None:
    """Memory is ahead of the store then: it is thrown away, and what was decided is decided again from what is stored."""

    async def play(stage: Stage) -> None:
        life = stage.life()
        await life.recover()
        life.disk.faults["before commit"].append(RuntimeError("a defect"))
        await life.append(fires(DOWN, at=0))
        with pytest.raises(RuntimeError, match="a defect"):
            await life.owner.run()
        assert standing(life) == (True, 1)
        await life.recover()
        assert standing(life) == (False, 2)
        assert life.owner.mismatches == 0
        life.run()
        await asyncio.sleep(10)
        same(life, await stage.reborn(life))

    staged(play)


def test_a_step_cut_short_by_the_end_is_no_memory_to_keep() -> None:
    """Whoever stops while a step is being written knows that memory is ahead: no snapshot may be made of it."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        life.disk.gates["before commit"] = asyncio.Event()
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(1)
        await life.die()
        assert life.owner.lost

    staged(play)


def test_a_snapshot_that_could_not_be_kept_is_only_missed() -> None:
    """Stepping goes on, and the next one is tried in its turn."""

    async def play(stage: Stage) -> None:
        life = await stage.alive(snapshot_every=1)
        life.disk.faults["before save_snapshot"].append(FULL)
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(1)
        assert stage.execute("SELECT number FROM snapshot") == []
        await life.append(fires("Odd@host/c", at=1))
        await asyncio.sleep(1)
        assert len(stage.execute("SELECT number FROM snapshot")) == 1

    staged(play)


def test_what_was_folded_again_counts_towards_the_next_snapshot() -> None:
    """Restarts do not make the next replay longer and longer."""

    async def play(stage: Stage) -> None:
        life = await stage.alive(snapshot_every=4)
        for number in range(3):
            await life.append(fires(f"Odd{number}@host/c", at=number))
            await asyncio.sleep(1)
            life = await stage.reborn(life, snapshot_every=4)
        assert stage.execute("SELECT number FROM snapshot") == []
        await life.append(fires("Odd4@host/c", at=4))
        await asyncio.sleep(1)
        assert len(stage.execute("SELECT number FROM snapshot")) == 1

    staged(play)


# --- records from memory, and from the journal


@pytest.mark.parametrize("limit", [0, 1, 5, 100_000])
def test_where_records_come_from_changes_nothing(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fed from memory, read from the journal, or some of both: all is decided at once, in order, and the same."""
    known: list[bytes] = []

    def run(feed_limit: int) -> None:
        monkeypatch.setattr(owning, "FEED_LIMIT", feed_limit)

        async def play(stage: Stage) -> None:
            life = await stage.alive()
            for start in (0, 200):
                await life.append(*(fires(f"Odd{start + n}@host/c", at=0) for n in range(200)))
                await asyncio.sleep(0.1)
                assert life.owner.applied == 1 + start + 200
                assert life.owner.lag == 0
            assert all(one.last - one.first < STEP_RECORDS for one in life.steps)
            known.append(life.owner.fold.dump())
            same(life, await stage.reborn(life))

        staged(play)

    run(100_000)
    run(limit)
    assert known[0] == known[1]


def test_a_read_that_failed_leaves_nothing_behind() -> None:
    """Records that memory does not have are read again when the store is back, without waiting for the next one."""

    async def play(stage: Stage) -> None:
        life = stage.life()
        await life.recover()
        await life.append(fires(DOWN, at=0))
        life.owner._fed.clear()
        life.disk.faults["before read"].append(StoreUnavailable("read: busy"))
        with pytest.raises(StoreUnavailable):
            await life.owner.run()
        assert not life.owner.lost, "nothing was decided"
        life.run()
        await asyncio.sleep(1)
        assert life.owner.applied == 2

    staged(play)


def test_a_step_has_a_limit() -> None:
    """Decisions are seen at least every so many records."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.append(*(fires(f"Odd{n}@host/c", at=0) for n in range(STEP_RECORDS + 1)))
        await life.owner.settled()
        assert [one.last - one.first + 1 for one in life.steps[1:]] == [STEP_RECORDS, 1]

    staged(play)


# --- readers


def test_readers_never_see_a_step_that_is_not_written() -> None:
    """Whoever asks waits for the step in flight, and sees it only when it is stored."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        gate = life.disk.gates["before commit"] = asyncio.Event()
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(0.5)
        assert life.owner.fold.engine.alert(labels(DOWN)) is not None, "memory is ahead of the store"
        reader = asyncio.ensure_future(life.owner.settled(within=1))
        await asyncio.sleep(20)
        assert not reader.done(), "it waits for longer than it wanted to rather than see it"
        gate.set()
        await reader
        assert standing(life) == (False, 2)

    staged(play)


@pytest.mark.parametrize("within", [0.001, 10])
def test_readers_come_between_two_steps_however_many_wait(within: float) -> None:
    """While a long backlog is worked off, whoever asks is answered soon, and with a state that is stored."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        life.disk.takes = 0.01
        await life.append(*(fires(f"Odd{n}@host/c", at=0) for n in range(STEP_RECORDS * 20)))
        seen: list[int] = []
        while life.owner.lag:
            await life.owner.settled(within)
            lost, applied = standing(life)
            assert not lost, "memory is ahead of the store"
            seen.append(applied)
            await asyncio.sleep(0.001)
        assert len(set(seen)) > 10 or within == 10

    staged(play)


def test_readers_see_what_was_accepted_before_they_asked() -> None:
    """An alert that was answered with 200 is there when its sender looks."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        await life.append(*(fires(f"Odd{n}@host/c", at=0) for n in range(300)))
        assert life.owner.lag == 300
        await life.owner.settled()
        assert life.owner.fold.engine.firing == 300
        assert life.owner.lag == 0

    staged(play)


def test_readers_do_not_wait_for_what_comes_after_they_asked() -> None:
    """However much is accepted while they wait: of that there may be no end."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        life.disk.takes = 0.01
        asked = life.owner.accepted

        async def send() -> None:
            for number in range(1_000):
                await life.append(fires(f"Odd{number}@host/c", at=0))

        sending = asyncio.ensure_future(send())
        while life.owner.accepted == asked:
            await asyncio.sleep(0.001)
        async with asyncio.timeout(1):
            await life.owner.settled(within=60)
        assert not sending.done()
        await sending

    staged(play)


def test_steps_are_announced_once_and_only_when_they_are_written() -> None:
    """Who wakes by a step finds it in the store."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        life.disk.faults["after commit"].extend([LOST, LOST, LOST])
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(20)
        await life.append(ends(DOWN, at=20))
        await asyncio.sleep(20)
        stored = [(one.number, one.first, one.last, one.digest) for one in await life.store.steps(0, 100)]
        assert marks(life.steps) == stored

    staged(play)


def test_a_record_that_cannot_be_applied_is_passed_over_in_the_same_way_after_a_restart() -> None:
    """What was quarantined before the crash is quarantined by replay, and nothing is decided otherwise."""

    async def play(stage: Stage) -> None:
        life = await stage.alive()
        poison = fires(DOWN, at=0).alerts[0]
        await life.append(Delivered("am", (type(poison)(b"no labels", True, poison.starts_at, 0),)))
        await life.append(fires(DOWN, at=0))
        await asyncio.sleep(10)
        again = await stage.reborn(life)
        same(life, again)
        assert again.owner.fold.quarantined == life.owner.fold.quarantined
        assert len(again.owner.fold.quarantined) == 1

    staged(play)
