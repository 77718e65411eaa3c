"""A storm as a file: topology, alerts and the truth about them. Read by `healer converge`, `healer storm` and the bench. Pure."""

import msgspec

from healer.times import Micros, format_duration, format_rfc3339


class Firing(msgspec.Struct, frozen=True):
    """One episode of one alert. `ends_at` 0: it still fires when the recording stops.

    `arrives_at` is when its first copy reaches healer where that is not `starts_at`: a sender's clock may be wrong.
    """

    labels: dict[str, str]
    summary: str
    starts_at: Micros
    ends_at: Micros = 0
    arrives_at: Micros = 0


class Cause(msgspec.Struct, frozen=True):
    """One fault: the node that broke, when, and the alerts (by their place in `Storm.alerts`) that it brought about."""

    node: str
    begins: Micros
    alerts: tuple[int, ...]


class Storm(msgspec.Struct, frozen=True):
    """What was recorded, and what was behind it. Alerts of no cause are noise.

    `waits` is the `for:` of each alert's rule, by alertname: a Prometheus that is asked tells as much.
    """

    name: str
    kind: str
    about: str
    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    alerts: tuple[Firing, ...]
    causes: tuple[Cause, ...]
    waits: dict[str, Micros]

    @property
    def roots(self) -> tuple[str, ...]:
        return tuple(cause.node for cause in self.causes)

    @property
    def noise(self) -> tuple[int, ...]:
        """The alerts that no cause brought about."""
        caused = {index for cause in self.causes for index in cause.alerts}
        return tuple(index for index in range(len(self.alerts)) if index not in caused)

    def encode(self) -> bytes:
        """One case file: the format of the recorded storms, with `faults`, `noise` and `for` besides."""
        return msgspec.json.encode(
            {
                "case": self.name,
                "source": "generated",
                "about": self.about,
                "fault_type": self.kind,
                "fault_start": format_rfc3339(min(cause.begins for cause in self.causes)),
                "topology": {
                    "nodes": [{"id": node, "kind": node.partition("/")[0]} for node in self.nodes],
                    "edges": self.edges,
                },
                "for": {name: format_duration(wait) for name, wait in self.waits.items()},
                "alerts": [_alert(alert) for alert in self.alerts],
                "root_causes": self.roots,
                "root_cause_members": (),
                "faults": [
                    {"node": cause.node, "begins": format_rfc3339(cause.begins), "alerts": cause.alerts}
                    for cause in self.causes
                ],
                "noise": self.noise,
            }
        )


def _alert(alert: Firing) -> dict[str, object]:
    written: dict[str, object] = {"startsAt": format_rfc3339(alert.starts_at)}
    if alert.ends_at:
        written["endsAt"] = format_rfc3339(alert.ends_at)
    if alert.arrives_at:
        written["arrivesAt"] = format_rfc3339(alert.arrives_at)
    return written | {"labels": alert.labels, "annotations": {"summary": alert.summary}}
