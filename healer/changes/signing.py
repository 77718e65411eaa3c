"""Did whoever knows the secret send this? One answer for each host, in constant time. Pure. Called by `receiving`.

Every secret is tried and compared whole, so that the time says nothing about which was nearly right. Without a secret
nothing is taken: a door that everybody may open would let anybody blame a change.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

from healer.changes.model import Refused
from healer.documents.fields import Secret
from healer.times import HOUR, MILLISECOND, MINUTE, SECOND, Micros, format_duration

GITLAB_WINDOW: Micros = 5 * MINUTE
"""How old a signed delivery of GitLab's may be; a retry is signed anew."""
GITEE_WINDOW: Micros = HOUR
"""How old Gitee says that a signature may be."""
_MAX_DIGITS = 16


def check_github(headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret]) -> None:
    """`X-Hub-Signature-256` over the raw body; the older SHA-1 is not looked at. Raises Refused."""
    _some("github", secrets, "changes.github.secrets")
    given = _header(headers, "X-Hub-Signature-256").removeprefix("sha256=")
    _any(given, (hmac.new(key, body, hashlib.sha256).hexdigest() for key in _keys(secrets)), "X-Hub-Signature-256")


def check_gitlab(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[Secret], signing: Sequence[Secret], now: Micros
) -> None:
    """`webhook-signature`, which covers the body, where a signing token is set; else `X-Gitlab-Token`. Raises Refused."""
    if signing:
        _check_signed(headers, body, signing, now)
        return
    _some("gitlab", secrets, "changes.gitlab.secrets or changes.gitlab.signing")
    _any(_header(headers, "X-Gitlab-Token"), (key.decode() for key in _keys(secrets)), "X-Gitlab-Token")


def check_gitee(headers: Mapping[str, str], secrets: Sequence[Secret], now: Micros) -> None:
    """`X-Gitee-Token`: the password itself, or a signature over the timestamp, which says nothing of the body. Raises Refused."""
    _some("gitee", secrets, "changes.gitee.secrets")
    given, stamp = _header(headers, "X-Gitee-Token"), _header(headers, "X-Gitee-Timestamp")
    wanted = [key.decode() for key in _keys(secrets)]
    signed = [_base64(key, f"{stamp}\n".encode("utf-8", "surrogateescape") + key) for key in _keys(secrets)]
    # Documented as encoded for a URL and shown without: both are taken.
    plain = _known(given, wanted)
    by_signature = _known(given, signed) | _known(unquote(given, errors="replace"), signed)
    if not plain and not by_signature:
        raise _wrong("X-Gitee-Token")
    if stamp or by_signature:
        _fresh(stamp, MILLISECOND, GITEE_WINDOW, now, "X-Gitee-Timestamp")


def _check_signed(headers: Mapping[str, str], body: bytes, signing: Sequence[Secret], now: Micros) -> None:
    id, stamp = _header(headers, "webhook-id"), _header(headers, "webhook-timestamp")
    message = f"{id}.{stamp}.".encode("utf-8", "surrogateescape") + body
    signed = [_base64(key, message) for key in _whole_keys(signing)]
    given = [one.partition(",")[2] for one in _header(headers, "webhook-signature").split() if one.startswith("v1,")]
    if not any([_known(one, signed) for one in given[:10]]):  # noqa: C419 - a generator would stop early
        raise _wrong("webhook-signature")
    _fresh(stamp, SECOND, GITLAB_WINDOW, now, "webhook-timestamp")


def _some(source: str, secrets: Sequence[Secret], setting: str) -> None:
    if not any(secret.reveal() for secret in secrets):
        raise Refused("no secret", f"nothing is taken from {source}: set {setting}, and the same secret there")


def _keys(secrets: Sequence[Secret]) -> list[bytes]:
    return [secret.reveal().encode() for secret in secrets if secret.reveal()]


def _whole_keys(secrets: Sequence[Secret]) -> list[bytes]:
    """The tokens as they stand, and, where they begin with `whsec_`, what the rest says in base64."""
    keys = _keys(secrets)
    for key in list(keys):
        if key.startswith(b"whsec_"):
            try:
                keys.append(base64.b64decode(key.removeprefix(b"whsec_"), validate=True))
            except binascii.Error:
                continue
    return keys


def _base64(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def _any(given: str, wanted: Iterable[str], header: str) -> None:
    if not _known(given, list(wanted)):
        raise _wrong(header)


def _known(given: str, wanted: Sequence[str]) -> bool:
    told = given.encode("utf-8", "surrogateescape")
    return any([hmac.compare_digest(told, one.encode()) for one in wanted])  # noqa: C419 - a generator would stop early


def _wrong(header: str) -> Refused:
    return Refused("signature", f"{header} is missing or wrong: is the secret there the one that is set here?")


def _fresh(stamp: str, unit: Micros, window: Micros, now: Micros, header: str) -> None:
    good = stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_DIGITS
    if not good or abs(int(stamp) * unit - now) > window:
        within = format_duration(window)
        raise Refused("stale", f"{header} is not within {within} of now: is one of the two clocks wrong?")


def _header(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "")
