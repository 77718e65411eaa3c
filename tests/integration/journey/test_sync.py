"""A1: the sync comes before the answer, as the kernel sees it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.journey.traced import Answer, TracedHealer
from tests.servers.process import post

CONFIG = "server: {listen: '127.0.0.1:9099'}\nstore: {url: 'sqlite:///new/data/healer.db'}\n"
SENDERS = 4
REQUESTS = 40


def answered(healer: TracedHealer) -> list[Answer]:
    """Some senders at once, each alert with a name of its own; what had been synced when each was answered 200."""

    def send(number: int) -> None:
        marker = f"marker-{number}-x"
        post(
            f"{healer.url}/api/v2/alerts?{marker}", json.dumps([{"labels": {"alertname": marker}}]).encode(), within=30
        )

    with healer:
        with ThreadPoolExecutor(SENDERS) as senders:
            list(senders.map(send, range(REQUESTS)))
        healer.stop(30)
    found = healer.answered()
    assert {one.marker for one in found} == {f"marker-{number}-x" for number in range(REQUESTS)}
    return found


def test_no_alert_is_answered_before_the_disk_has_it(tmp_path: Path) -> None:
    """Between writing an alert and the first byte of its 200 there is an fdatasync of the log that succeeded."""
    healer = TracedHealer(tmp_path / "healer", CONFIG)
    assert [one for one in answered(healer) if not (one.written and one.synced)] == []


def test_the_names_of_new_folders_are_synced_too(tmp_path: Path) -> None:
    """A database in a folder whose name the disk never heard of would be lost with the power."""
    healer = TracedHealer(tmp_path / "healer", CONFIG)
    answered(healer)
    folders = {str(healer.folder / "new" / "data"), str(healer.folder / "new"), str(healer.folder)}
    assert folders <= healer.synced_folders()


@pytest.mark.parametrize("level", ["OFF", "NORMAL"])
def test_a_weaker_promise_to_the_disk_is_noticed(level: str, tmp_path: Path) -> None:
    """The look at the kernel can fail: with synchronous=OFF, and with NORMAL, answers leave before any sync."""
    found = answered(TracedHealer(tmp_path / "healer", CONFIG, weaker=level))
    assert all(one.written for one in found), "it was written, only not synced"
    assert not any(one.synced for one in found)
