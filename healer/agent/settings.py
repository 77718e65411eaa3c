"""What does an agent need to know? The file of `healer agent --config FILE`, read once at its start."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from healer.documents.convert import convert
from healer.documents.document import load_document
from healer.documents.fields import Duration, PathText, Size, Url
from healer.times import HOUR, SECOND


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one task may take, with all that it starts. Time and output are healer's to say, with each order."""

    memory: Size = 1 << 30
    """Bytes; in a control group for all its processes together, otherwise of address space for each. 0: no limit."""
    cpu: Duration = HOUR
    """Of processor time for each process. 0s: no limit."""
    cores: Annotated[float, msgspec.Meta(ge=0, le=1_024)] = 1.0
    """Processors at once, where control groups can be made. 0: no limit."""
    processes: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 512
    """Processes and threads at once, where control groups can be made. 0: no limit."""

    def __post_init__(self) -> None:
        if 0 < self.memory < 16 << 20:
            raise ValueError("expected at least 16MiB: less starts nothing", "memory")
        if 0 < self.cpu < SECOND:
            raise ValueError("expected at least 1s", "cpu")


class AgentFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One agent on one machine."""

    servers: tuple[Url, ...] = ()
    """Where healer's agents dial, `https://HOST:9098`; the next one is tried when one does not answer. Empty: as invited."""
    invitation: PathText = "/etc/healer/invitation.json"
    """What `healer agents invite` wrote. Used once, when there is no certificate yet; it may be deleted then."""
    state: PathText = "/var/lib/healer-agent"
    """Key and certificate, tasks under way, and reports that healer did not hear yet."""
    wrapper: PathText = "/usr/local/lib/healer/healer-run"
    """What carries everything out."""
    register: PathText = "/var/lib/healer"
    """The wrapper's: the newest (token, step) for each target, the same that SSH would use."""
    allow: PathText = "/etc/healer/allow"
    """What may run here at all (`healer sudoers --only allow`). Without this file nothing does."""
    pause_file: PathText = "/etc/healer/paused"
    """While this file is there, nothing is begun here, whatever healer says."""
    go_wait_s: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    """Seconds that a run waits for healer's go; more than 1 gives up that nothing starts later after the kill switch."""
    limits: Limits = Limits()
    """On what is run."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written to standard error."""


def load_agent_file(file: Path) -> AgentFile:
    """The file, checked; paths are relative to it. Raises DocumentError."""
    return convert(load_document(file), AgentFile, {})
