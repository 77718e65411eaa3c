"""What sources of the topology said last is kept, one answer each."""

from healer.store.store import Store
from healer.topology.answers import Answer


async def test_the_last_answer_of_each_source_is_kept(store: Store) -> None:
    """A newer one takes the place of the older one, and a source that is dropped is forgotten."""
    await store.keep_answer(Answer("cmdb", 1, b"old"))
    await store.keep_answer(Answer("cmdb", 2, b"new"))
    await store.keep_answer(Answer("put", 3, b"other"))
    assert await store.answers() == [Answer("cmdb", 2, b"new"), Answer("put", 3, b"other")]
    await store.drop_answer("cmdb")
    await store.drop_answer("nobody")
    assert await store.answers() == [Answer("put", 3, b"other")]
