"""What a rule does not say, and what therefore holds. Used by `healer check`. Pure."""

from collections.abc import Iterator

from rules import Rule


def of(rule: Rule) -> Iterator[str]:
    """One line for each clause that was not written."""
    if "mode" in rule.defaults:
        yield f"mode is not said: {rule.mode}"
    if "verify" in rule.defaults:
        yield f"verify is not said: {rule.verify.text}"
    if "limit" in rule.defaults:
        yield f"limit is not said: {', '.join(limit.text for limit in rule.limits)}"
