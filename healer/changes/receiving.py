"""From a request to a change: first whether its sender knows the secret, and only then what it says. Pure.

Called by `healer.web.changes`.
"""

from collections.abc import Mapping
from urllib.parse import parse_qs

from healer.changes import gitee, github, gitlab
from healer.changes.model import Change, Ignored, Refused, Source
from healer.changes.settings import Changes
from healer.changes.signing import check_gitee, check_github, check_gitlab
from healer.times import Micros

FORM = "application/x-www-form-urlencoded"


def receive(
    source: Source, headers: Mapping[str, str], body: bytes, settings: Changes, now: Micros
) -> Change | Ignored:
    """The change that a delivery tells of. `headers` are found in any case of letters. Raises Refused."""
    match source:
        case "github":
            check_github(headers, body, settings.github.secrets)
            return github.decode(headers, _json(headers, body), now)
        case "gitlab":
            check_gitlab(headers, body, settings.gitlab.secrets, settings.gitlab.signing, now)
            return gitlab.decode(headers, body, now)
        case "gitee":
            check_gitee(headers, settings.gitee.secrets, now)
            return gitee.decode(headers, body, now)


def _json(headers: Mapping[str, str], body: bytes) -> bytes:
    """GitHub sends JSON, or by a setting there a form whose field `payload` holds it. Raises Refused."""
    if headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        return body
    try:
        fields = parse_qs(body.decode("ascii", "strict"), max_num_fields=10)
        return fields["payload"][0].encode()
    except (ValueError, KeyError):
        raise Refused("unreadable", "the form has no field payload: choose application/json at the webhook") from None
