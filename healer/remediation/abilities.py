"""What of the rule language can this healer not carry out yet? A rule that uses it is refused by name when it is loaded."""

LACKS: frozenset[str] = frozenset()
"""Features that nothing behind the language can carry out: ignoring them would let a rule mean less than it says."""
