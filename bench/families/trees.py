"""Infrastructure as a tree: feeds, chassis, blades, guests, applications. Not all is watched, not every edge known. Pure."""

from bench.families.system import Graph, Habits, Scene
from healer.rehearsal.generators.chance import Chance

WATCHED = {"feed": 60, "chassis": 85, "uplink": 75, "blade": 90, "guest": 75, "app": 55}
"""Of a hundred failures, how many are noticed by what watches the thing itself."""
NAMES = {
    "feed": ("PowerFeedLost", "critical"),
    "chassis": ("ChassisOffline", "critical"),
    "uplink": ("LinkDown", "critical"),
    "blade": ("AgentSilent", "critical"),
    "guest": ("GuestUnreachable", "warning"),
    "app": ("AppCheckFailed", "critical"),
}
UNKNOWN = 8
"""Of a hundred edges, how many nobody wrote down."""


def kind(node: str) -> str:
    return node.partition(":")[0]


class Trees:
    def __init__(self, seed: int) -> None:
        chance = Chance(f"trees {seed}")
        self.graph = graph = Graph()
        guests: list[str] = []
        for feed_number in range(chance.between(2, 4)):
            feed = graph.put(f"feed:{feed_number}")
            for chassis_number in range(chance.between(2, 4)):
                name = f"{feed_number}{chassis_number}"
                chassis = graph.put(f"chassis:{name}", feed)
                uplink = graph.put(f"uplink:{name}", chassis)
                for blade_number in range(chance.between(4, 8)):
                    blade = graph.put(f"blade:{name}{blade_number}", uplink)
                    tenants = range(chance.between(1, 4))
                    guests += [graph.put(f"guest:{name}{blade_number}{number}", blade) for number in tenants]
        for number in range(len(guests) // 3):
            graph.put(f"app:{number}", *chance.some(guests, chance.between(1, 3)))
        self.nodes = graph.nodes
        self.edges = [edge for edge in graph.edges if not chance.happens(UNKNOWN)]
        self.habits = Habits(
            [one for one in self.nodes if kind(one) in ("blade", "guest", "app")],
            (("DiskAlmostFull", "warning"), ("BackupOverdue", "warning"), ("AppSlow", "warning")),
            chance,
        )

    def strike(self, scene: Scene) -> str:
        chance = scene.chance
        which = chance.pick(("feed", "chassis", "uplink", "blade"))
        root = chance.pick([one for one in self.nodes if kind(one) == which])
        scene.fault(root)
        onsets = {root: 0}
        for node in self.nodes:
            above = [onsets[one] for one in self.graph.above[node] if one in onsets]
            # What has several machines to run on stays up with those that are left, mostly.
            spare = len(above) < len(self.graph.above[node])
            if above and node not in onsets and (not spare or chance.happens(30)):
                onsets[node] = min(above) + chance.below(20)
        for node, onset in onsets.items():
            name, severity = NAMES[kind(node)]
            if chance.happens(WATCHED[kind(node)]):
                scene.fire(node, name, severity, onset + chance.below(90))
        self.habits.disturb(scene, chance.between(5, 20))
        return f"{root} fails."
