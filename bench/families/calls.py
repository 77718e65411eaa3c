"""A call graph: services that call one another on shared hosts. Of two services, the one that is called is the parent. Pure."""

from bench.families.system import Graph, Habits, Scene
from healer.rehearsal.generators.chance import Chance

VOCABULARIES = (
    {"slow": "HighRequestLatency", "errors": "HighErrorRate", "traffic": "RequestRateLow", "cpu": "ContainerCPUSaturated",
     "memory": "ContainerMemoryNearLimit", "gone": "InstanceRestarting"},
    {"slow": "svc_p99_duration_exceeded", "errors": "svc_5xx_ratio_high", "traffic": "svc_qps_drop", "cpu": "pod_cpu_throttled",
     "memory": "pod_memory_working_set_high", "gone": "pod_not_ready"},
    {"slow": "ResponseTimeDegraded", "errors": "SuccessRateBelowTarget", "traffic": "ThroughputAnomaly", "cpu": "CpuUsageAnomaly",
     "memory": "HeapUsageAnomaly", "gone": "ReplicaUnavailable"},
)  # fmt: skip
"""What people call their alerts: each system has one way."""
TIERS = (1, 3, 6, 5)
"""About how many services are on each tier, from what users see to what everybody calls."""
SHOWS = {
    "cpu": (("cpu", 85, "critical"), ("slow", 75, "critical"), ("errors", 15, "warning")),
    "memory": (("memory", 85, "critical"), ("gone", 30, "critical"), ("errors", 40, "warning")),
    "delay": (("slow", 70, "warning"), ("traffic", 20, "warning")),
    "errors": (("errors", 90, "critical"), ("slow", 20, "warning")),
    "dies": (("gone", 50, "critical"), ("traffic", 60, "critical")),
}
"""By fault: which alerts its own service has, in how many of a hundred cases, and how severe."""
FELT = {
    "cpu": (("slow", 80),),
    "memory": (("errors", 50), ("slow", 50)),
    "delay": (("slow", 90), ("errors", 20)),
    "errors": (("errors", 80),),
    "dies": (("errors", 85), ("slow", 40)),
}
"""By fault: what callers have of it."""


class Calls:
    """Services in tiers. Some leaves are remote: only their callers measure them."""

    def __init__(self, seed: int, *, two: bool = False) -> None:
        chance = Chance(f"calls {seed} {two}")
        self.graph = graph = Graph()
        self.two = two
        self.words = chance.pick(VOCABULARIES)
        scale = chance.between(2 if two else 1, 3)
        hosts = [graph.put(f"node-{number}") for number in range(3 * scale)] if chance.happens(60) else []
        tiers: list[list[str]] = []
        # From what everybody calls up to what users see: a parent is there before its callers.
        for tier in reversed(range(len(TIERS))):
            names = [f"t{tier}-svc{number}" for number in range(TIERS[tier] * scale)]
            for name in names:
                graph.put(name, *([chance.pick(hosts)] if hosts else []))
                for below in chance.some(tiers[-1], chance.between(1, 3)) if tiers else []:
                    graph.tie(below, name)
                if len(tiers) > 1 and chance.happens(25):
                    graph.tie(chance.pick(tiers[0]), name)
            tiers.append(names)
        self.services = [name for tier in tiers for name in tier]
        self.remote = set(chance.some(tiers[0], len(tiers[0]) // 3))
        self.nodes, self.edges = graph.nodes, graph.edges
        noise = tuple((self.words[word], "warning") for word in ("slow", "errors", "traffic", "cpu"))
        self.habits = Habits(self.services, noise, chance)

    @classmethod
    def twice(cls, seed: int) -> "Calls":
        """A system in which two things break at once."""
        return cls(seed, two=True)

    def strike(self, scene: Scene) -> str:
        chance = scene.chance
        first = chance.pick(self.services[:-1])
        about = self.hit(scene, first, 0)
        if self.two:
            near = self.graph.reached(first)
            apart = [one for one in self.services if not near & self.graph.reached(one)] or [
                one for one in self.services if first not in self.graph.reached(one) and one not in near
            ]
            about += " " + self.hit(scene, chance.pick(apart), chance.below(120))
        self.habits.disturb(scene, chance.between(5, 25))
        return about

    def hit(self, scene: Scene, node: str, after: int) -> str:
        """One service has a fault, and its callers feel it; those that fail stop calling what else they call."""
        chance, words = scene.chance, self.words
        fault = chance.pick(("delay", "errors") if node in self.remote else tuple(SHOWS))
        number = scene.fault(node, after)
        for word, percent, severity in SHOWS[fault]:
            if chance.happens(percent):
                scene.fire(node, words[word], severity, after + chance.below(90), fault=number)
        feeling, felt, passes = [node], {node}, 85
        while feeling:
            further = []
            for above in feeling:
                for caller in self.graph.below[above]:
                    if caller in felt or not chance.happens(passes):
                        continue
                    felt.add(caller)
                    further.append(caller)
                    for word, percent in FELT[fault]:
                        if chance.happens(percent):
                            severity = "critical" if chance.happens(40) else "warning"
                            scene.fire(caller, words[word], severity, after + chance.below(120), fault=number)
                    for callee in self.graph.above[caller]:
                        if callee not in felt and callee in self.services and chance.happens(25):
                            scene.fire(callee, words["traffic"], "warning", after + chance.below(180), fault=number)
            feeling, passes = further, passes * 3 // 4
        return f"{node}: {fault}."
