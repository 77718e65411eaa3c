"""Pipelines: producers write to topics on brokers, consumers read them and write to the next. Pure.

What operators write down is the way of the data: producer -> topic -> consumer, and broker -> topic. A consumer that is slow
fills its topic, and what writes there is blocked: that fault travels against the edges.
"""

from bench.families.system import Graph, Habits, Scene
from healer.rehearsal.generators.chance import Chance


class Queues:
    def __init__(self, seed: int) -> None:
        chance = Chance(f"queues {seed}")
        self.graph = graph = Graph()
        self.brokers = [graph.put(f"broker-{number}") for number in range(chance.between(1, 3))]
        workers = [graph.put(f"ingest-{number}") for number in range(chance.between(2, 3))]
        self.stages = [workers]
        for stage in range(chance.between(2, 4)):
            topics, following = [], []
            for number in range(chance.between(2, 4)):
                topic = graph.put(f"topic-{stage}{number}", chance.pick(self.brokers))
                for writer in chance.some(self.stages[-1], chance.between(1, 2)):
                    graph.tie(writer, topic)
                topics.append(topic)
            for number, topic in enumerate(topics):
                readers = range(chance.between(1, 2))
                following += [graph.put(f"worker-{stage}{number}{reader}", topic) for reader in readers]
            self.stages.append(following)
        self.workers = [one for stage in self.stages[1:] for one in stage]
        self.nodes, self.edges = graph.nodes, graph.edges
        self.habits = Habits(
            self.nodes,
            (("ConsumerLagHigh", "warning"), ("ProcessingTimeHigh", "warning"), ("HeapUsageHigh", "warning")),
            chance,
        )

    def strike(self, scene: Scene) -> str:
        what = scene.chance.below(100)
        about = self.slow(scene) if what < 50 else self.dies(scene) if what < 80 else self.full(scene)
        self.habits.disturb(scene, scene.chance.between(5, 20))
        return about

    def slow(self, scene: Scene) -> str:
        """A consumer does not keep up: its topic fills, then its writers are blocked, and so on upstream."""
        chance = scene.chance
        worker = chance.pick(self.workers)
        scene.fault(worker)
        for name, percent, severity in (("ProcessingTimeHigh", 70, "critical"), ("WorkerCPUSaturated", 60, "critical")):
            if chance.happens(percent):
                scene.fire(worker, name, severity, chance.below(90))
        self.starve(scene, worker, 60, 60)
        blocked, after = [worker], 60
        for percent in (100, 60, 30):
            topics = [topic for one in blocked for topic in self.graph.above[one] if topic not in self.brokers]
            blocked = []
            for topic in dict.fromkeys(topics):
                if chance.happens(percent):
                    scene.fire(topic, "ConsumerLagHigh", "critical", after + chance.below(120))
                    if chance.happens(40):
                        scene.fire(topic, "TopicDiskUsageHigh", "warning", after + chance.below(240))
                    writers = [one for one in self.graph.above[topic] if one not in self.brokers]
                    blocked += [one for one in writers if chance.happens(percent * 2 // 3)]
            for one in blocked:
                scene.fire(one, "PublishTimeouts", "warning", after + 60 + chance.below(120))
                if chance.happens(50):
                    scene.fire(one, "ProcessingTimeHigh", "warning", after + 60 + chance.below(120))
            after += 150
        return f"{worker} does not keep up."

    def dies(self, scene: Scene) -> str:
        """A worker writes no more: downstream runs dry, its own topic fills."""
        chance = scene.chance
        worker = chance.pick([one for one in self.workers if self.graph.below[one]] or self.workers)
        scene.fault(worker)
        if chance.happens(75):
            scene.fire(worker, "WorkerRestarting", "critical", chance.below(90))
        if chance.happens(60):
            scene.fire(worker, "ProcessingErrorsHigh", "critical", chance.below(90))
        for topic in self.graph.above[worker]:
            scene.fire(topic, "ConsumerLagHigh", "critical", 60 + chance.below(120))
        self.starve(scene, worker, 90, 80)
        return f"{worker} crashes again and again."

    def full(self, scene: Scene) -> str:
        """A broker's disk is full: its topics take nothing, writers are blocked, readers starve."""
        chance = scene.chance
        broker = chance.pick(self.brokers)
        scene.fault(broker)
        scene.fire(broker, "BrokerDiskFull", "critical", chance.below(60))
        for topic in self.graph.below[broker]:
            if chance.happens(70):
                scene.fire(topic, "UnderReplicatedPartitions", "warning", chance.below(90))
            for writer in self.graph.above[topic]:
                if writer not in self.brokers and chance.happens(70):
                    scene.fire(writer, "PublishTimeouts", "critical", chance.below(120))
            self.starve(scene, topic, 60, 60)
        return f"{broker} has no space left."

    def starve(self, scene: Scene, node: str, after: int, percent: int) -> None:
        """What lies downstream gets less to do, and less so further on."""
        chance, near = scene.chance, [node]
        while near and percent > 10:
            near = [below for one in near for below in self.graph.below[one] if chance.happens(percent)]
            for one in near:
                if one in self.workers:
                    scene.fire(one, "ThroughputLow", "warning", after + chance.below(120))
            percent, after = percent * 3 // 4, after + 30
