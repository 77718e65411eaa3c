"""Which pipelines may rules start? By name, each at one of three hosts: `executors.http.pipelines`."""

import re

import msgspec

from healer.documents.fields import Secret, Url

_NAME = r"[A-Za-z0-9_.-]{1,255}"
_FILE = re.compile(_NAME)
_PATH = re.compile(f"{_NAME}(/{_NAME}){{0,19}}")


class GitHubPipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A workflow with `workflow_dispatch` and the inputs `healer_intent` and `healer_node`; its `run-name` has the first."""

    url: Url = "https://api.github.com"
    """Of the API; of a server of your own `https://HOST/api/v3`."""
    repo: str
    """`acme/shop`."""
    workflow: str
    """Its file, as `redeploy.yml`."""
    ref: str = "main"
    """The branch or tag to run it on."""
    token: Secret
    """May read and write actions of this repository."""
    inputs: dict[str, str] = {}
    """Inputs beside those two."""

    def __post_init__(self) -> None:
        _check(self.repo, "repo")
        if not _FILE.fullmatch(self.workflow):
            raise ValueError(f"expected the name of a file, as redeploy.yml, found {self.workflow!r}", "workflow")


class GitLabPipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project's pipeline, which gets the variables `HEALER_INTENT` and `HEALER_NODE`."""

    url: Url = "https://gitlab.com"
    """Where GitLab is."""
    project: str
    """`acme/shop`, or its number."""
    ref: str = "main"
    """The branch or tag to run it on."""
    token: Secret
    """A project's access token with the scope `api`."""
    variables: dict[str, str] = {}
    """Variables beside those two."""

    def __post_init__(self) -> None:
        _check(self.project, "project")


class JenkinsPipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that declares the parameters `HEALER_INTENT` and `HEALER_NODE`: Jenkins drops those that a job does not declare."""

    url: Url
    """Where Jenkins is."""
    job: str
    """With its folders: `shop/redeploy`."""
    user: str
    """Whose API token it is."""
    token: Secret
    """An API token, not a password."""
    parameters: dict[str, str] = {}
    """Parameters beside those two."""

    def __post_init__(self) -> None:
        _check(self.job, "job")


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pipeline at one of the hosts."""

    github: GitHubPipeline | None = None
    """At GitHub."""
    gitlab: GitLabPipeline | None = None
    """At GitLab."""
    jenkins: JenkinsPipeline | None = None
    """At Jenkins."""

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.github, self.gitlab, self.jenkins)) != 1:
            raise ValueError("expected one of github, gitlab and jenkins")


def _check(path: str, key: str) -> None:
    """What goes into an address is names and slashes alone."""
    if not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise ValueError(f"expected names with slashes between them, as acme/shop, found {path!r}", key)
