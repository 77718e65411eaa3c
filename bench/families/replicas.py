"""Databases with replicas, proxies and clients. Replicas hang on their primary, clients on proxies. Pure."""

from bench.families.system import Graph, Habits, Scene
from healer.rehearsal.generators.chance import Chance


class Replicas:
    def __init__(self, seed: int) -> None:
        chance = Chance(f"replicas {seed}")
        self.graph = graph = Graph()
        self.clusters: list[tuple[str, list[str], str, list[str]]] = []
        for number in range(chance.between(2, 5)):
            primary = graph.put(f"db{number}-a")
            replicas = [graph.put(f"db{number}-{letter}", primary) for letter in "bcd"[: chance.between(1, 3)]]
            proxy = graph.put(f"proxy{number}", primary, *replicas)
            clients = [graph.put(f"api{number}-{client}", proxy) for client in range(chance.between(3, 7))]
            for client in clients:
                if chance.happens(30):
                    graph.tie(chance.pick(replicas), client)
            self.clusters.append((primary, replicas, proxy, clients))
        every = [client for _, _, _, clients in self.clusters for client in clients]
        edge = graph.put("edge")
        for client in every:
            if chance.happens(50):
                graph.tie(client, edge)
        self.nodes, self.edges = graph.nodes, graph.edges
        self.habits = Habits(
            self.nodes,
            (("ReplicationLagHigh", "warning"), ("SlowQueries", "warning"), ("ApiLatencyHigh", "warning")),
            chance,
        )

    def strike(self, scene: Scene) -> str:
        what = scene.chance.below(100)
        cluster = scene.chance.pick(self.clusters)
        about = (
            self.primary(scene, *cluster)
            if what < 35
            else self.replica(scene, *cluster)
            if what < 65
            else (self.greedy(scene, *cluster))
        )
        self.habits.disturb(scene, scene.chance.between(5, 20))
        return about

    def primary(self, scene: Scene, primary: str, replicas: list[str], proxy: str, clients: list[str]) -> str:
        """The primary's disk is slow or full: everything that writes suffers, and replication stops."""
        chance = scene.chance
        scene.fault(primary)
        if chance.happens(50):
            scene.fire(primary, "DatabaseDown", "critical", chance.below(60))
        else:
            scene.fire(primary, "DiskLatencyHigh", "critical", chance.below(90))
        for replica in replicas:
            if chance.happens(85):
                scene.fire(replica, "ReplicationBroken", "critical", chance.below(90))
        self.suffer(scene, proxy, clients, 80)
        return f"{primary} fails."

    def replica(self, scene: Scene, _primary: str, replicas: list[str], proxy: str, clients: list[str]) -> str:
        """One replica falls behind: what reads there is slow or stale, others hardly feel it."""
        chance = scene.chance
        replica = chance.pick(replicas)
        scene.fault(replica)
        scene.fire(replica, "ReplicationLagHigh", "critical", chance.below(90))
        if chance.happens(60):
            scene.fire(replica, "DiskLatencyHigh", "warning", chance.below(120))
        direct = [one for one in clients if replica in self.graph.above[one]]
        self.suffer(scene, proxy, direct, 75, through=40)
        self.suffer(scene, proxy, [one for one in clients if one not in direct], 20, through=0)
        return f"{replica} falls behind."

    def greedy(self, scene: Scene, primary: str, replicas: list[str], proxy: str, clients: list[str]) -> str:
        """A client's new query takes the whole database: the fault travels against the edges, then back to all clients."""
        chance = scene.chance
        client = chance.pick(clients)
        scene.fault(client)
        for name, percent in (("QueryVolumeHigh", 60), ("ApiErrorsHigh", 60), ("WorkerQueueFull", 50)):
            if chance.happens(percent):
                scene.fire(client, name, "critical", chance.below(90))
        scene.fire(primary, "ConnectionsExhausted", "critical", 30 + chance.below(90))
        if chance.happens(60):
            scene.fire(primary, "DatabaseCPUHigh", "warning", 30 + chance.below(90))
        for replica in replicas:
            if chance.happens(30):
                scene.fire(replica, "ReplicationLagHigh", "warning", 60 + chance.below(120))
        self.suffer(scene, proxy, [one for one in clients if one != client], 65, after=45)
        return f"{client} takes all connections of {primary}."

    def suffer(
        self, scene: Scene, proxy: str, clients: list[str], percent: int, *, through: int = 70, after: int = 20
    ) -> None:
        """Proxy and clients feel it, and what users see perhaps."""
        chance = scene.chance
        if chance.happens(through):
            scene.fire(proxy, "ProxyBackendErrors", "warning", after + chance.below(90))
        hit = [client for client in clients if chance.happens(percent)]
        for client in hit:
            name = "ApiErrorsHigh" if chance.happens(50) else "ApiLatencyHigh"
            scene.fire(client, name, "critical" if chance.happens(40) else "warning", after + chance.below(120))
        if any("edge" in self.graph.below[client] for client in hit) and chance.happens(60):
            scene.fire("edge", "UserErrorsHigh", "critical", after + 30 + chance.below(120))
