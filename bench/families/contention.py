"""Shared machines, tenants side by side: one is no ancestor of its neighbours, yet its fault is theirs. Pure."""

from bench.families.system import Graph, Habits, Scene
from healer.rehearsal.generators.chance import Chance

TAKES = {
    "cpu": ("TenantCPUUsageHigh", "MachineCPUSaturated", "TenantCPUStolen"),
    "disk": ("TenantDiskWritesHigh", "MachineDiskBusy", "TenantIOWait"),
    "network": ("TenantPacketsHigh", "MachineNetworkSaturated", "TenantPacketLoss"),
}
"""What is fought over: the greedy tenant's alert, the machine's, and the neighbours'."""


class Contention:
    def __init__(self, seed: int) -> None:
        chance = Chance(f"contention {seed}")
        self.graph = graph = Graph()
        self.machines = [graph.put(f"m{number:02}") for number in range(chance.between(4, 10))]
        self.services = [graph.put(f"app-{number}") for number in range(chance.between(6, 14))]
        self.tenants: dict[str, list[str]] = {machine: [] for machine in self.machines}
        for service in self.services:
            for copy, machine in enumerate(chance.some(self.machines, chance.between(2, 4))):
                tenant = graph.put(f"{service.replace('app', 'vm')}-{copy}", machine)
                graph.tie(tenant, service)
                self.tenants[machine].append(tenant)
        for service in self.services[1:]:
            graph.tie(chance.pick(self.services[: self.services.index(service)]), service)
        self.nodes, self.edges = graph.nodes, graph.edges
        self.habits = Habits(self.nodes, (("TenantCPUUsageHigh", "warning"), ("AppLatencyHigh", "warning")), chance)

    def strike(self, scene: Scene) -> str:
        chance = scene.chance
        machine = chance.pick([one for one in self.machines if len(self.tenants[one]) > 1])
        greedy = chance.pick(self.tenants[machine])
        scene.fault(greedy)
        own, theirs, felt = TAKES[chance.pick(tuple(TAKES))]
        if chance.happens(90):
            scene.fire(greedy, own, "critical" if chance.happens(60) else "warning", chance.below(60))
        if chance.happens(80):
            scene.fire(machine, theirs, "critical" if chance.happens(40) else "warning", chance.below(120))
        slow = []
        for tenant in self.tenants[machine]:
            if tenant != greedy and chance.happens(65):
                scene.fire(tenant, felt, "warning", 30 + chance.below(120))
                slow.append(tenant)
        apps = {app for tenant in slow for app in self.graph.below[tenant] if chance.happens(60)}
        for app in sorted(apps):
            scene.fire(app, "AppLatencyHigh", "critical" if chance.happens(50) else "warning", 60 + chance.below(120))
            for caller in self.graph.below[app]:
                if chance.happens(40):
                    scene.fire(caller, "AppLatencyHigh", "warning", 90 + chance.below(120))
        self.habits.disturb(scene, chance.between(5, 20))
        return f"{greedy} takes what its neighbours on {machine} need."
