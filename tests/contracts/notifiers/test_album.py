"""The pictures in docs/channels.md show what is sent."""

import pytest

from notifiers import CHANNELS
from notifiers.clock import SECOND
from tests.contracts.notifiers import bench
from tests.contracts.notifiers.album import drawn, file_of, happened


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is slow on purpose here, so that a busy machine makes no difference."""
    monkeypatch.setattr(bench, "TIMEOUT", 10 * SECOND)


@pytest.mark.parametrize("channel", sorted(CHANNELS))
async def test_a_picture_in_the_docs_is_what_was_sent(channel: str) -> None:
    """Whoever changes what is told where draws them anew: `python -m tests.contracts.notifiers.album`."""
    assert drawn(channel, await happened(channel)) == file_of(channel).read_text(encoding="utf-8")
