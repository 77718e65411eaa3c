"""Which agents may there be, and where do they find healer? Declared for the settings loader: `executors.agent`."""

import msgspec

from healer.documents.fields import Duration, PathText, Size
from healer.times import DAY, HOUR, MINUTE, SECOND, format_duration

MAX_PORT = 65_535


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Agents on machines dial in here and are given what is to be done there. Needs a restart when it changes."""

    listen: str = "0.0.0.0:9098"
    """HOST:PORT of a door of their own: mutual TLS 1.3, certificates of healer's own authority, nobody else."""
    names: tuple[str, ...] = ()
    """Host names and IP addresses by which agents reach healer; they stand in its certificate. At least one."""
    folder: PathText = ""
    """The authority, who was invited and who is enrolled; empty: `agents` in the data folder. Replicas share one."""
    nodes: dict[str, str] = {}
    """The agent's name, by node id, where the node is called otherwise than its agent, and its address as well."""
    certificate: Duration = 30 * DAY
    """How long an agent's certificate is good; it is renewed when a third of that is left."""
    invitation: Duration = HOUR
    """How long an invitation is good; it works once."""
    patience: Duration = 30 * SECOND
    """How long an order waits for one of an agent's three places; then it has failed without an effect."""
    margin: Duration = 15 * SECOND
    """Past an order's deadline until its agent's word is given up, and what became of it has to be asked."""
    output_limit: Size = 64 << 10
    """Of what a run said, so much comes back. At most 1MiB."""

    def __post_init__(self) -> None:
        host, colon, port = self.listen.rpartition(":")
        if not (colon and host and port.isascii() and port.isdecimal() and int(port) <= MAX_PORT):
            raise ValueError(f"expected HOST:PORT, found {self.listen!r}", "listen")
        if not self.names or not all(self.names):
            raise ValueError("expected the names or addresses by which agents reach healer", "names")
        for key, low, high in (
            ("certificate", HOUR, 400 * DAY),
            ("invitation", MINUTE, 7 * DAY),
            ("patience", SECOND, 10 * MINUTE),
            ("margin", SECOND, 10 * MINUTE),
        ):
            if not low <= getattr(self, key) <= high:
                raise ValueError(f"expected {format_duration(low)} to {format_duration(high)}", key)
        if self.output_limit > 1 << 20:
            raise ValueError("expected at most 1MiB", "output_limit")

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])
