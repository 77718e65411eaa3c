"""The words that people read, state by state, as each channel shows them."""

from typing import get_args

import pytest

from healer.notification.wording import TONGUES, Language
from notifiers import CHANNELS
from notifiers.clock import SECOND
from tests.contracts.notifiers import bench
from tests.contracts.notifiers.golden import file_of, seen


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is slow on purpose here, so that a busy machine makes no difference."""
    monkeypatch.setattr(bench, "TIMEOUT", 10 * SECOND)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("channel", sorted(CHANNELS))
async def test_every_state_reads_as_it_was_approved(channel: str, language: Language) -> None:
    """Whoever changes the words sees what becomes of them in every channel and language."""
    assert await seen(channel, language) == file_of(channel, language).read_text()


@pytest.mark.parametrize("language", get_args(Language))
def test_every_language_has_words_for_everything(language: Language) -> None:
    """What can be said in one language can be said in all, with the same facts in it."""
    for words in ("states", "severities", "deeds", "ended", "lines", "troubles"):
        assert getattr(TONGUES[language], words).keys() == getattr(TONGUES["en"], words).keys()
