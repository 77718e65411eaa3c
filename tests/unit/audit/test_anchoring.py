"""Anchors are made of what is new, and every place gets each of them, in order, whatever it refused before."""

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from healer.audit.anchor import Anchor, is_signed, public_key, read_anchor
from healer.audit.anchoring import Anchoring
from healer.audit.places import FilePlace, NotTaken
from healer.audit.signing import BadKey, signing_key
from healer.audit.verify import Kept, verify
from healer.remediation.ports import Switch
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import HOUR, SECOND
from tests.contracts.store.given import HandClock

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


class Chat:
    """A place that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.kept: list[Anchor] = []

    async def take(self, anchor: Anchor) -> None:
        if self.away:
            raise NotTaken("it answered 503")
        self.kept.append(anchor)


async def decide(store: Store) -> None:
    await store.throw(Switch("all", thrown=True, by="ann", why="", at=1))


async def round_of(anchoring: Anchoring) -> None:
    await anchoring.anchor()
    await anchoring.send()


async def test_every_place_gets_every_anchor() -> None:
    """One that was away gets what it missed, in order; what it then holds proves the whole log."""
    clock, chat, other = HandClock(), Chat(), Chat()
    store = Store(InlineRun(Memory("here"), clock), "here")
    anchoring = Anchoring(store, "here", KEY, {"channel": chat, "webhook": other}, clock, HOUR)
    for away in (False, True, True, False):
        chat.away = away
        await decide(store)
        await round_of(anchoring)
    await round_of(anchoring)
    assert [anchor.place for anchor in chat.kept] == [1, 2, 3, 4]
    assert chat.kept == other.kept == await store.anchors()
    assert all(is_signed(anchor) for anchor in chat.kept)
    verdict = verify(await store.entries(0, 10), Kept("here", await store.heads(), (), chat.kept, public_key(KEY)))
    assert (verdict.good, verdict.chains[0].anchored) == (True, 4)
    counted = {(one.name, one.labels): one.value for one in anchoring.samples()}
    assert counted["healer_audit_anchor_failures_total", (("place", "channel"),)] == 2
    assert counted["healer_audit_anchored_timestamp_seconds", (("place", "webhook"),)] == clock.now() / SECOND


async def test_nothing_new_is_no_anchor() -> None:
    """A log that nothing was added to is not signed again, nor sent again after a restart."""
    clock, chat = HandClock(), Chat()
    store = Store(InlineRun(Memory("here"), clock), "here")
    await decide(store)
    for _ in range(3):
        await round_of(Anchoring(store, "here", KEY, {"channel": chat}, clock, HOUR))
    assert len(chat.kept) == len(await store.anchors()) == 1


async def test_a_new_place_begins_with_the_newest() -> None:
    """A chat that is named today is not flooded with the anchors of a year."""
    clock, chat = HandClock(), Chat()
    store = Store(InlineRun(Memory("here"), clock), "here")
    for _ in range(3):
        await decide(store)
        await round_of(Anchoring(store, "here", KEY, {}, clock, HOUR))
    await round_of(Anchoring(store, "here", KEY, {"channel": chat}, clock, HOUR))
    assert [anchor.place for anchor in chat.kept] == [3]
    kept = Kept("here", await store.heads(), await store.anchors(), chat.kept)
    assert verify(await store.entries(0, 10), kept).good


async def test_a_file_grows_by_a_line(tmp_path: Path) -> None:
    """Each anchor is a line that can be read again; a file that cannot be written says so."""

    async def at_once(work: object) -> None:
        assert callable(work)
        work()

    clock = HandClock()
    store = Store(InlineRun(Memory("here"), clock), "here")
    places = {"file": FilePlace(tmp_path / "anchors", at_once)}
    for _ in range(2):
        await decide(store)
        await round_of(Anchoring(store, "here", KEY, places, clock, HOUR))
    assert [read_anchor(line) for line in (tmp_path / "anchors").read_text().splitlines()] == await store.anchors()
    with pytest.raises(NotTaken, match="No such file or directory"):
        await FilePlace(tmp_path / "none" / "anchors", at_once).take((await store.anchors())[0])


def test_a_missing_key_is_made_once(tmp_path: Path) -> None:
    """For its owner alone; the next start signs with the same one."""
    made = signing_key(tmp_path / "audit.key", make=True)
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    assert public_key(signing_key(tmp_path / "audit.key", make=True)) == public_key(made)


def test_a_key_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Missing, open to others, or no Ed25519 key: each says what to do."""
    file = tmp_path / "audit.key"
    with pytest.raises(BadKey, match="No such file"):
        signing_key(file, make=False)
    file.write_text("no key")
    os.chmod(file, 0o644)
    with pytest.raises(BadKey, match="chmod 600"):
        signing_key(file, make=True)
    os.chmod(file, 0o600)
    with pytest.raises(BadKey, match="openssl genpkey -algorithm ed25519"):
        signing_key(file, make=True)
