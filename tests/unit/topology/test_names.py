"""Names in one piece of bytes are those that were put in, and are found where they are."""

from hypothesis import given
from hypothesis import strategies as st

from healer.topology.names import PAGE, Names

TEXTS = st.lists(st.text(max_size=6), max_size=3 * PAGE).map(sorted)


@given(TEXTS, st.text(max_size=6))
def test_a_text_is_found_at_its_first_place(texts: list[str], other: str) -> None:
    """And one that is not there is not found; whatever characters they have, and over all pages."""
    names = Names.of(texts)
    assert [names[place] for place in range(len(names))] == texts
    assert [names.find(text) for text in texts] == [texts.index(text) for text in texts]
    assert names.find(other) == (texts.index(other) if other in texts else -1)


def test_the_last_of_every_page_is_found() -> None:
    """Where a page ends, and where the last one is not full, nothing is lost."""
    for count in range(3 * PAGE + 2):
        texts = [f"host/{number:03}" for number in range(count)]
        names = Names.of(texts)
        assert [names.find(text) for text in texts] == list(range(count))
        assert names.find("host/") == names.find("host/999") == -1
