"""What was accepted once compiles again from what the store kept of it."""

from healer.topology.graph import Node, topology
from tests.unit.journey.world import chartered


def test_rules_may_name_the_kinds_of_the_topology() -> None:
    """A rule about a kind of node that only this installation has is made again with it."""
    rules = 'rule "x"\n  on event: "A"\n  when: kind == blade_centre\n  then: notify("boss")\n'

    made = chartered(graph=topology([Node("blade_centre/b1")], []), rules=rules)

    assert [rule.name for rule in made.ruleset.rules] == ["x"]
