import pickle

import pytest

from notifiers.secret import Secret

TOKEN = "123:AB cd/é"


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>9}".format, lambda secret: f"{[secret]}", "%s".__mod__])
def test_no_way_of_writing_it_shows_it(show) -> None:  # type: ignore[no-untyped-def]  # any way to make text of it
    """Whatever makes text of a secret writes stars."""
    shown = show(Secret(TOKEN))
    assert "AB" not in shown
    assert "***" in shown


def test_it_is_hidden_in_a_text_plainly_and_quoted() -> None:
    """An URL that carries the secret quoted loses it as well."""
    hidden = Secret(TOKEN).hide_in(f"plain {TOKEN} and https://x/bot123:AB%20cd%2F%C3%A9/ and 123%3AAB%20cd%2F%C3%A9")
    assert hidden == "plain *** and https://x/bot***/ and ***"


def test_empty_secret_hides_nothing() -> None:
    """An empty secret leaves a text as it is."""
    assert Secret("").hide_in("text") == "text"


def test_it_is_never_pickled() -> None:
    """A secret does not get into a file by accident."""
    with pytest.raises(TypeError, match="reference"):
        pickle.dumps(Secret(TOKEN))


def test_equal_secrets_are_equal() -> None:
    """Configurations can be compared: the same token is the same, another is not, text is not a secret."""
    assert Secret("a") == Secret("a")
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
