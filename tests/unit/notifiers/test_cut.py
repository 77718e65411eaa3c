import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.cut import ELLIPSIS, MORE, clean, fit, is_web_link, plain_text, utf8_bytes, utf16_units
from notifiers.message import Emphasis, Message, Span, line

MORE_URL = "https://healer.example/i/7"

texts = st.text(st.characters(codec=None), max_size=40) | st.just("机架断电 🔥" * 5)
spans = st.builds(
    Span, texts, st.sampled_from(Emphasis), st.sampled_from(["", "https://x.example/a?b=1", "javascript:x"])
)
messages = st.builds(
    Message,
    title=texts,
    lines=st.lists(st.lists(spans, max_size=4).map(tuple), max_size=8).map(tuple),
    more_url=st.sampled_from(["", MORE_URL]),
)


@given(messages, st.integers(1, 300), st.booleans(), st.sampled_from([utf16_units, utf8_bytes, len]))
def test_never_larger_than_the_limit(message: Message, size: int, links: bool, measure) -> None:  # type: ignore[no-untyped-def]  # a Measure
    """However small the limit and however the channel measures, what goes out fits."""
    limit = max(size, 4)
    assert measure(plain_text(fit(message, limit, measure, links=links))) <= limit


@given(messages, st.integers(20, 300), st.booleans())
def test_what_is_kept_is_the_beginning(message: Message, size: int, links: bool) -> None:
    """A cut text is the beginning of the whole one, then an ellipsis and where to read the rest; nothing else is lost."""
    whole = plain_text(fit(message, 0, utf16_units, links=links))
    cut = plain_text(fit(message, size, utf16_units, links=links))
    if utf16_units(whole) <= size:
        assert cut == whole
        return
    kept, _, rest = cut.rpartition(ELLIPSIS)
    assert rest in ("", f"\n{MORE}", f"\n{MORE}: {MORE_URL}")
    assert whole.startswith(kept.removesuffix("\n"))


@given(messages)
def test_nothing_invisible_gets_through(message: Message) -> None:
    """No control character but the newline between lines, and nothing that cannot be encoded."""
    text = plain_text(fit(message, 0, len))
    assert not [character for character in text if character < " " and character != "\n"]
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\x1b[31mred\x07", "a[31mred"),
        ("two\nlines\r\n", "two lines "),
        ("\ud800half", "\ufffdhalf"),
        ("txt\u202egpj.exe", "txtgpj.exe"),
        ("\x00\x9b1m", "1m"),
        ("机架 é 🔥", "机架 é 🔥"),
    ],
)
def test_labels_are_made_readable(given: str, shown: str) -> None:
    """A label's value can neither move the cursor nor forge a line nor turn the reading direction around."""
    assert clean(given) == shown


def test_cut_on_code_points() -> None:
    """A character of two UTF-16 units is kept whole or not at all."""
    message = Message("t", (line("🔥" * 50),))
    for size in range(10, 30):
        text = plain_text(fit(message, size, utf16_units))
        assert set(text) <= set("t\n🔥…")
        assert size - 2 <= utf16_units(text) <= size


def test_rest_is_linked_when_cut_and_only_then() -> None:
    """What was cut away is one click away; a whole message has no such link."""
    link = Span(MORE, url=MORE_URL)
    assert fit(Message("t", (line("x" * 500),), more_url=MORE_URL), 100, len).lines[-1] == (link,)
    assert fit(Message("t", (line("x"),), more_url=MORE_URL), 100, len).lines == (line("x"),)


def test_address_is_written_out_where_there_are_no_links() -> None:
    """A channel without links shows the address itself, and an address that is not of the web never becomes a link."""
    story = Message("t", (line(Span("graph", url="https://x/1")), line(Span("bad", url="javascript:alert(1)"))))
    assert plain_text(fit(story, 0, len, links=False)) == "t\ngraph: https://x/1\nbad: javascript:alert(1)"
    assert [span.url for spans in fit(story, 0, len).lines for span in spans] == ["https://x/1", ""]


@pytest.mark.parametrize("url", ["", "ftp://x", "https://x/ y", "https://x/\x1b", "HTTPS//x", "data:text/html,x"])
def test_only_web_addresses_are_links(url: str) -> None:
    """Nobody is sent anywhere but to http and https."""
    assert not is_web_link(url)
