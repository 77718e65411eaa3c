"""What does healer itself stand on? The machine that it runs on and what it cannot live without are never healed by it. Pure."""

import msgspec

from healer.topology.map import Map


class Home(msgspec.Struct, frozen=True):
    """The machine that healer runs on, and the machines of its store and locks, as far as names tell. Read once by bootstrap."""

    machine_id: str = ""
    names: tuple[str, ...] = ()
    """Host names."""

    def stands_on(self, topology: Map, node: str, own: tuple[str, ...] = ()) -> str:
        """Why healer stands on a node, in a sentence; "" where it does not. `own` are nodes that people named."""
        index = topology.index
        target = index.id(node)
        if node in own:
            return f"{node} is one of guards.own_nodes"
        mine = {index.id(name) for name in own} - {-1}
        if self.machine_id:
            mine.update(index.by_attribute("machine_id", self.machine_id))
        for name in self.names:
            mine.update(index.by_alias(name), (index.id(f"{kind}/{name}") for kind in ("host", "vm")))
        mine.discard(-1)
        if target < 0 or not mine:
            return ""
        if target in mine:
            return f"healer itself, or what it cannot live without, runs on {node}"
        for one in sorted(mine):
            if any(above == target for above, _ in index.above(one)):
                return f"healer stands on {index.name(one)}, which is beneath {node}"
        return ""
