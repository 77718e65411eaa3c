import pytest

from notifiers.message import Permanent, Reason, Span, Told, line


@pytest.mark.parametrize("told", [Told("17", "-1001"), Told("17"), Told("om_1", "a/b"), Told("1", "terminal")])
def test_reference_survives_a_ledger_column(told: Told) -> None:
    """A reference packed into one string comes back the same, whatever the chat's name."""
    assert Told.unpack(told.pack()) == told


def test_line_takes_strings_and_spans() -> None:
    """A line is written of plain strings and spans alike."""
    assert line("a", Span("b", url="https://x")) == (Span("a"), Span("b", url="https://x"))


def test_only_a_lost_message_is_sent_anew() -> None:
    """A caller can tell an edit that cannot be from a target that is wrong."""
    assert Permanent("gone", Reason.MESSAGE_GONE).send_anew
    assert not Permanent("blocked", Reason.FORBIDDEN, disable=True).send_anew
