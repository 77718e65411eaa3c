"""What was made for a setting lasts as long as the setting."""

from healer.kept import Kept


class Thing:
    """Something that is made, and ended."""

    def __init__(self, made_of: str) -> None:
        self.made_of = made_of
        self.ended = 0

    def end(self) -> None:
        self.ended += 1


def once(kept: Kept, name: str, setting: str) -> Thing:
    return kept.once(name, setting, lambda: Thing(setting), Thing.end)


def test_an_equal_setting_keeps_what_was_made() -> None:
    """Over any number of generations."""
    kept = Kept()
    first = once(kept, "duty", "a")
    for _ in range(3):
        kept = kept.again()
        assert once(kept, "duty", "a") is first
        kept.settle()
    assert not first.ended


def test_another_setting_ends_what_was_made_when_the_next_is_in_use() -> None:
    """Not before: the reload may still be refused."""
    kept = Kept()
    first = once(kept, "duty", "a")
    after = kept.again()
    second = once(after, "duty", "b")
    assert (second.made_of, first.ended) == ("b", 0)
    after.settle()
    assert (first.ended, second.ended) == (1, 0)


def test_what_nobody_asks_for_any_more_ends() -> None:
    """A channel that was taken out is closed, once."""
    kept = Kept()
    first = once(kept, "duty", "a")
    after = kept.again()
    after.settle()
    after.settle()
    assert first.ended == 1


def test_a_generation_that_was_given_up_changes_nothing() -> None:
    """The one before it goes on, and the next takes over from that."""
    kept = Kept()
    first = once(kept, "duty", "a")
    once(kept.again(), "duty", "b")
    after = kept.again()
    assert once(after, "duty", "a") is first
    after.settle()
    assert not first.ended
