"""What people may set about changes: whose word counts, and which nodes a change touches. Assembled by `healer.settings`."""

import msgspec

from healer.alerts.matchers import Matchers
from healer.documents.fields import Duration, Secret, Size
from healer.times import MINUTE
from healer.topology import settings as topology_settings


class Hook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Git host. Without a secret nothing is taken from it."""

    secrets: tuple[Secret, ...] = ()
    """As set at the webhook there; several, so that one can be replaced without a gap."""


class GitLab(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """GitLab. Without a secret nothing is taken from it."""

    secrets: tuple[Secret, ...] = ()
    """Secret tokens, sent plainly with each delivery; several, so that one can be replaced without a gap."""
    signing: tuple[Secret, ...] = ()
    """Signing tokens of newer versions, as they are or `whsec_...`; when one is set, only signed deliveries are taken."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line that says which node a change touches; every line that matches counts.

    Labels of a change: `source`, `kind` (push, deploy), `repo` (acme/shop), `group` (acme), `name` (shop), `env`, `ref`,
    `branch`, `tag`, `state`, `actor`.
    """

    match: Matchers = Matchers()
    """Matchers on the change's labels; none match every change."""
    node: str | tuple[str, ...] = ()
    """`workload/{env}/{name}`; a list: the first that exists. Filters as in `topology.nodes`."""
    extract: dict[str, str] = {}
    """By label, a regular expression (RE2) that must match its whole value; named groups may be used like labels."""
    find: dict[str, str] | tuple[dict[str, str], ...] = ()
    """Templates by `kind`, `alias` or attribute that exactly one node has; a list: the first that finds."""

    def __post_init__(self) -> None:
        self.mapping()
        if self.node == "none":
            raise ValueError("a change that no line matches touches nothing: leave this line out", "node")

    def mapping(self) -> topology_settings.Mapping:
        """The same as a line of `topology.nodes`, by whose rules it is read."""
        return topology_settings.Mapping(match=self.match, node=self.node, extract=self.extract, find=self.find)


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pushes and deployments, told by Git hosts at /api/v1/webhooks/{github,gitlab,gitee}."""

    github: Hook = Hook()
    """GitHub: pushes, deployments and their states."""
    gitlab: GitLab = GitLab()
    """GitLab: pushes and deployments."""
    gitee: Hook = Hook()
    """Gitee: pushes; it tells of no deployments."""
    window: Duration = 30 * MINUTE
    """How long before the onset of an incident a change may have been to be shown with it."""
    nodes: tuple[Line, ...] = ()
    """Which nodes a change touches; without a line none."""
    max_body: Size = 25 << 20
    """Bytes of one delivery: what GitHub sends at most."""
