"""Secrets stay hidden; sizes and URLs are read as people write them."""

import copy
import pickle

import msgspec
import pytest

from healer.documents.fields import Secret, format_size, parse_size, parse_url


def test_a_secret_is_never_shown() -> None:
    secret = Secret("hunter2", "env:TOKEN")
    shown = f"{secret} {secret!r} {secret!s} {secret:>10} {[secret]} {{'a': {secret}}}"
    assert "hunter2" not in shown
    assert "hunter2" not in repr(msgspec.defstruct("Holder", [("inner", Secret)])(secret))
    with pytest.raises(TypeError, match="unsupported"):
        msgspec.json.encode(secret)
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            leak(secret)
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("512", 512), ("10kB", 10_000), ("64MiB", 64 << 20), ("1 GiB", 1 << 30)]
)
def test_a_size_has_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize("text", ["", "64M", "1.5MiB", "-1", "MiB", "1 TB"])
def test_a_size_of_another_form_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match="write 64MiB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("localhost:9090", "write http"),
        ("ftp://x", "write http"),
        ("http://", "write http"),
        ("http://x:99999", "write http"),
        ("http://a b", "write http"),
        ("http://u:p@x", "as a secret of its own"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_url(text)
