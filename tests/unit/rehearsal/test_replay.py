"""Exact replay: the past decides itself the same way again, and whoever changed it is found out."""

import asyncio

import msgspec
import pytest

from healer.journey.records import Delivered, decode, encode
from healer.journey.refold import Gap
from healer.rehearsal.replay import Proof, Span, prove
from healer.times import SECOND
from tests.unit.journey.owning import Life, Stage, staged
from tests.unit.journey.world import INSTALLATION, START, changed, ends, fires

ALWAYS = Span()


async def lived(stage: Stage, **how: int) -> Life:
    """A switch goes down with what is on it, settings change, it is over, and the process starts again in between."""
    life = await stage.alive(**how)
    await life.append(fires("Odd@host/a", "Odd@host/b", at=1, severity="warning"))
    await asyncio.sleep(2)
    await life.append(fires("SwitchDown@switch/s", at=2), fires("ServiceDown@host/c", at=2))
    await asyncio.sleep(20)
    life = await stage.reborn(life, charter=changed(settle=20 * SECOND), **how)
    await life.append(ends("SwitchDown@switch/s", at=22))
    await asyncio.sleep(40)
    await life.append(ends("Odd@host/a", "Odd@host/b", at=60, severity="warning"))
    await asyncio.sleep(60)
    await life.die()
    return life


async def proven(life: Life, span: Span = ALWAYS) -> Proof:
    return await prove(life.store, life._charter, INSTALLATION, span, lambda mark: None)


@pytest.mark.parametrize("snapshot_every", [1_000_000, 1])
def test_the_past_decides_itself_the_same_way_again(snapshot_every: int) -> None:
    """From the beginning of the journal, whether or not there are snapshots, every step comes out as recorded."""

    async def play(stage: Stage) -> None:
        life = await lived(stage, snapshot_every=snapshot_every)
        proof = await proven(life)
        assert proof.same
        assert proof.began_at == 0
        assert (proof.compared, proof.last) == (len(await life.store.steps(0, 1000)),) * 2
        assert proof.records == len(await life.store.read(0, 1000))

    staged(play)


def test_a_time_begins_at_the_snapshot_before_it() -> None:
    """Nothing older is folded than the newest snapshot before --since, and nothing later than --until is looked at."""

    async def play(stage: Stage) -> None:
        life = await lived(stage, snapshot_every=1)
        snapshot = await life.store.snapshot()
        assert snapshot is not None
        marks = await life.store.steps(0, 1000)
        late = await proven(life, Span(since=snapshot.now))
        assert late.same
        assert late.began_at == snapshot.number
        assert late.compared == len([one for one in marks if one.number > snapshot.number])
        early = await proven(life, Span(until=START + 5 * SECOND))
        assert early.same
        assert early.compared == len([one for one in marks if one.now <= START + 5 * SECOND]) < len(marks)

    staged(play)


def test_what_retention_took_is_not_missed() -> None:
    """Where the beginning is gone, the oldest snapshot that is kept is where the fold begins."""

    async def play(stage: Stage) -> None:
        life = await lived(stage, snapshot_every=1)
        newest = await life.store.snapshot()
        assert newest is not None
        oldest = await life.store.snapshot(before=newest.number)
        assert oldest is not None
        stage.execute("DELETE FROM step WHERE number <= ?", oldest.number)
        stage.execute("DELETE FROM journal WHERE position <= ?", oldest.applied)
        proof = await proven(life)
        assert proof.same
        assert proof.began_at == oldest.number
        assert proof.compared > 0

    staged(play)


def test_a_digest_that_was_changed_is_found() -> None:
    """The first step that differs is named, with both digests; nothing after it is looked at."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        stage.execute("UPDATE step SET digest = 'f00' WHERE number IN (4, 6)")
        proof = await proven(life)
        assert proof.difference is not None
        assert (proof.difference.step, proof.difference.recorded, proof.last) == (4, "f00", 4)
        assert len(proof.difference.replayed) == 32
        assert not proof.same

    staged(play)


def test_a_record_that_was_changed_is_found_with_what_differs() -> None:
    """An alert that was made to lie: the step that it changes says which incident comes out otherwise, and how."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        rows = [(row.position, decode(row.data)) for row in await life.store.read(0, 100)]
        for position, record in rows:
            if isinstance(record, Delivered) and any(
                b"SwitchDown" in one.labels and one.firing for one in record.alerts
            ):
                alerts = tuple(
                    msgspec.structs.replace(one, labels=one.labels.replace(b"SwitchDown", b"SwitchGone"))
                    for one in record.alerts
                )
                lie = encode(msgspec.structs.replace(record, alerts=alerts))
                stage.execute("UPDATE journal SET data = ? WHERE position = ?", lie, position)
        proof = await proven(life)
        assert proof.difference is not None
        assert proof.difference.now <= START + 10 * SECOND
        assert "SwitchGone" in " ".join(proof.difference.sentences)

    staged(play)


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        ("DELETE FROM journal WHERE position = 3", "record 3"),
        ("DELETE FROM step WHERE number = 3", "step 3"),
    ],
)
def test_what_is_missing_in_the_middle_is_found(damage: str, missing: str) -> None:
    """A record or a step that is gone is not stepped over."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        stage.execute(damage)
        proof = await proven(life)
        assert not proof.same
        assert missing in proof.gap

    staged(play)


def test_an_owner_does_not_come_up_on_a_past_with_a_gap() -> None:
    """What cannot be folded is not passed over at a restart either."""

    async def play(stage: Stage) -> None:
        await lived(stage)
        stage.execute("DELETE FROM journal WHERE position = 3")
        with pytest.raises(Gap, match="record 3"):
            await stage.life().recover()

    staged(play)


def test_replay_writes_nothing() -> None:
    """The database is the same before and after, byte for byte."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        before = list(stage.memory.connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]  # sqlite3's own
        await proven(life)
        assert list(stage.memory.connection.connection.driver_connection.iterdump()) == before  # type: ignore[union-attr]  # likewise

    staged(play)
