"""What the channel for everything else says when it cannot be made."""

import sys

import pytest

from notifiers.apprise import AppriseConfig, AppriseSender
from notifiers.secret import Secret
from notifiers.sender import Unavailable


def test_without_the_library_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel of this type without the extra names the channel and the extra, and no secret."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(
        Unavailable, match=r"channel ops needs the extra apprise: install healer-oncall\[apprise\]"
    ) as no:
        AppriseSender("ops", AppriseConfig(url=Secret("json://s3cr3t@example.org")), lambda: 0)
    assert "s3cr3t" not in repr(no.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # some of its plugins use what Python 3.11 deprecates
def test_a_url_that_nobody_knows_is_refused_when_the_channel_is_made() -> None:
    """Not at night, with the first message."""
    with pytest.raises(Unavailable, match="Apprise knows no service by this url"):
        AppriseSender("ops", AppriseConfig(url=Secret("nobody://s3cr3t@example.org")), lambda: 0)


def test_what_is_no_url_is_refused_by_its_key() -> None:
    """A refused value names its key."""
    with pytest.raises(ValueError, match="expected a URL of Apprise") as refused:
        AppriseConfig(url=Secret("example.org"))
    assert refused.value.args[1] == "url"
