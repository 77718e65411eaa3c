"""Settings of what lies around healer: rules on disk, monitoring, machines. Assembled in `healer.settings.model`."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec

from healer.alerts.matchers import Matchers, parse_matchers
from healer.documents.fields import OR_TEXT, Duration, Secret, Url, parse_url
from healer.executors.agent.settings import AgentSettings
from healer.executors.http.settings import HttpSettings
from healer.executors.kubernetes.helm_settings import HelmSettings
from healer.executors.kubernetes.settings import KubernetesSettings
from healer.executors.redfish.settings import RedfishSettings
from healer.executors.ssh_settings import SshSettings
from healer.remediation.autonomy import Autonomy
from healer.times import MINUTE, SECOND


class RulePath(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file or folder of rules. A plain text is the path."""

    short: ClassVar[tuple[str, ...]] = ("path",)

    path: Path
    """A `.heal` file, or a folder of them."""
    owner: str = ""
    """Whose rules these are."""
    actions: tuple[str, ...] | None = None
    """The actions that they may use; without it all."""
    nodes: tuple[str, ...] = ()
    """Matchers of the attributes of all nodes that they may touch, such as `owner="team-a"`; without any all nodes."""
    mode_at_most: Literal["observe", "suggest", "approve", "auto"] = "auto"
    """The furthest that they may go."""

    def __post_init__(self) -> None:
        parse_matchers(self.nodes)


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules decide on remedies."""

    packs: tuple[str, ...] = ()
    """Rules that ship with healer, by name."""
    paths: tuple[RulePath, ...] = ()
    """Your own rules."""
    autonomy: Autonomy = Autonomy()
    """What a rule of mode `auto` has to show before it may do something destructive without being asked."""
    dry_run: bool = True
    """Show what would be done and do nothing, whatever a rule's mode: trust is built first."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How healer shows who it is: a bearer token, or a user with a password."""

    bearer: Secret | None = None
    """Sent as `Authorization: Bearer`."""
    user: str = ""
    """For basic authentication."""
    password: Secret | None = None
    """For basic authentication."""

    def __post_init__(self) -> None:
        if self.bearer is not None and (self.user or self.password is not None):
            raise ValueError("give either bearer, or user and password")
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password go together")


class Prometheus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Prometheus that answers queries, and says when conditions began. A plain text is the URL."""

    short: ClassVar[tuple[str, ...]] = ("url",)

    url: Url
    """Its base URL; `/api/v1/query` is added, and for onsets `/api/v1/alerts` and `/api/v1/rules`."""
    match: Matchers = Matchers()
    """Matchers on the root's labels: the incidents it is asked about, and the alerts that are its own; none: all."""
    auth: Credentials | None = None
    """Unset: asked without."""
    timeout: Duration = 10 * SECOND
    """For one query; an answer later than that counts as unknown."""


class Alertmanager(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Alertmanagers to reconcile with, and to mirror silences from."""

    urls: tuple[Url, ...] = ()
    """Base URLs; all members of a cluster, since an alert is gone only when it is gone at every one."""
    auth: Credentials | None = None
    """Unset: asked without."""
    every: Duration = 30 * SECOND
    """Between two polls of their alerts; two polls must agree that an alert vanished."""
    silences_every: Duration = 10 * SECOND
    """Between two polls of their silences: nothing is done on an older view of them than this."""
    timeout: Duration = 10 * SECOND
    """For one request."""
    pass_on_silences: bool = False
    """What people silence here, by a button, the command line or the API, is silenced at all of these, too."""

    def __post_init__(self) -> None:
        for key in ("every", "silences_every", "timeout"):
            if getattr(self, key) < SECOND:
                raise ValueError("expected at least 1s", key)
        if self.pass_on_silences and not self.urls:
            raise ValueError("name the Alertmanagers under urls", "pass_on_silences")


class Watchdog(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The always-firing alert that is healer's heartbeat, and the dead man's switch it keeps quiet."""

    alertname: str = "Watchdog"
    """kube-prometheus' name for it."""
    ping: Annotated[Secret, OR_TEXT] | None = None
    """URL to ping while the alert comes in, passes the engine and channels accept messages; plain, or a secret."""
    every: Duration = MINUTE
    """Between two pings; the switch at the other end should wait for three of them."""
    missing_after: Duration = 5 * MINUTE
    """Without any input for this long, healer opens an incident of its own."""

    def __post_init__(self) -> None:
        if self.every < SECOND:
            raise ValueError("expected at least 1s", "every")
        if self.ping is not None:
            try:
                parse_url(self.ping.reveal())
            except ValueError:
                raise ValueError("expected a URL such as https://example.org/ping/1", "ping") from None


class Executors(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What carries actions out; one that is unset carries out nothing."""

    ssh: SshSettings | None = None
    """Machines reached over SSH."""
    kubernetes: KubernetesSettings | None = None
    """What a Kubernetes API server can change; `{}` for the cluster that healer runs in."""
    http: HttpSettings | None = None
    """What is called over HTTP."""
    agent: AgentSettings | None = None
    """Machines that dial in for their orders (docs/agent.md)."""
    helm: HelmSettings | None = None
    """Releases of Helm, in the clusters of `kubernetes`."""
    redfish: RedfishSettings | None = None
    """The power of machines, through their BMCs."""
