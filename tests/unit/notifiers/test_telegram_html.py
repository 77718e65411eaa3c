from hypothesis import given
from hypothesis import strategies as st

from notifiers.cut import fit, plain_text, utf16_units
from notifiers.message import Emphasis, Message, Span, line
from notifiers.telegram_html import render
from tests.standins import telegram_html as bot_api

words = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["<b>", "</b>", "&lt;", 'a"b', "<", "&", "&#60;"]
)
urls = st.sampled_from(["", "https://x.example/?a=1&b=2", 'https://x.example/"><b>', "javascript:x"])
spans = st.builds(Span, words, st.sampled_from(Emphasis), urls)
messages = st.builds(Message, words, st.lists(st.lists(spans, max_size=3).map(tuple), max_size=4).map(tuple))


@given(messages)
def test_people_see_exactly_the_text(message: Message) -> None:
    """Whatever the labels hold, the Bot API's parser accepts the markup and shows the text, character by character."""
    fitted = fit(message, 4096, utf16_units)
    assert bot_api.parse(render(fitted))[0] == plain_text(fitted)


def test_emphasis_and_links_become_tags() -> None:
    """The title is strong, and spans have their tags."""
    story = Message("Title", (line("see ", Span("this", Emphasis.CODE, 'https://x.example/?a="1"&b=2')),))
    assert render(story) == (
        '<b>Title</b>\nsee <a href="https://x.example/?a=&quot;1&quot;&amp;b=2"><code>this</code></a>'
    )


def test_empty_title_has_no_empty_tag() -> None:
    """No markup stands around nothing."""
    assert render(Message("", (line("x", Span("")),))) == "\nx"
