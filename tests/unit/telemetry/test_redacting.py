import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.telemetry.redacting import _CREDENTIAL, HIDDEN, Redactor


@pytest.mark.parametrize(
    "text",
    [
        "PGPASSWORD=hunter2-secret",
        "export AWS_SECRET_ACCESS_KEY=hunter2-secret",
        "API_TOKEN=hunter2-secret",
        "GET /bot123456:hunter2-secret/sendMessage",
        "amqp://healer:hunter2-secret@queue:5672/",
    ],
)
def test_what_looks_like_a_credential_is_hidden_though_nobody_told_of_it(text: str) -> None:
    assert "hunter2" not in Redactor()(text)


_PIECES = st.sampled_from(
    [
        "bearer ",
        "BA\u017fIC ",
        "/bot123:",
        "pa\u017f\u017fword=",
        "Token=",
        "\u212aey=",
        "api_\u212aey=",
        "://u:",
        "@",
        "abcd",
        " ",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=3)).map("".join))
def test_a_text_is_only_looked_at_closely_where_there_may_be_one(text: str) -> None:
    """With every letter that counts as another one of the other case."""
    assert Redactor()(text) == _CREDENTIAL.sub(rf"\1{HIDDEN}", text)


def test_a_secret_is_known_as_it_is_and_as_it_stands_in_a_url() -> None:
    redact = Redactor(["a/b+c=d"])
    assert redact("calling a/b+c=d, that is ?key=a%2Fb%2Bc%3Dd&x=1") == "calling ***, that is ?key=***&x=1"


def test_of_two_secrets_the_longer_one_is_hidden_whole() -> None:
    assert Redactor(["hunter", "hunter-and-gatherer"])("hunter-and-gatherer") == "***"


def test_what_is_too_short_to_be_a_secret_hides_no_words() -> None:
    assert Redactor(["a", "abc"])("a cab calls abc") == "a cab calls abc"


def test_a_long_line_takes_no_longer_than_it_is_long() -> None:
    """What a command prints may be hostile: a pattern that looks back would stand still here."""
    for piece in ("token", "://", "://a:", "password", "bearer ", "a"):
        assert Redactor(["hunter2"])(piece * 20_000).startswith(piece[:3])
