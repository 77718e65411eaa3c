"""Where is the API server, and who are we to it? A pod's own account, or a kubeconfig. Used by the topology's Kubernetes source
and by the kubernetes executor.

Understood of a kubeconfig's user: token, tokenFile, client certificates, user name and password. Programs that make
tokens (exec) and cloud plug-ins are not run: give healer an account of its own.
"""

import base64
import binascii
import ssl
import tempfile
from pathlib import Path
from typing import Any

from healer.documents.document import load_document
from healer.documents.problems import DocumentError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its account."""


class NoAccess(Exception):
    """Nothing says how, or what says so cannot be read."""


class Access:
    """A server, its certificate's authority, and what to show it. A token in a file is read for each request: it is replaced
    while healer runs."""

    def __init__(
        self, url: str, tls: ssl.SSLContext | None, *, token: str = "", token_file: Path | None = None, basic: str = ""
    ) -> None:
        self.url = url.rstrip("/")
        self.tls: ssl.SSLContext | bool = tls if tls is not None else True
        self._token = token
        self._token_file = token_file
        self._basic = basic

    def headers(self) -> dict[str, str]:
        """Raises NoAccess when the token cannot be read."""
        if self._basic:
            return {"Authorization": self._basic}
        token = self._token
        if self._token_file is not None:
            try:
                token = self._token_file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise NoAccess(f"the token in {self._token_file} cannot be read: {error}") from None
        return {"Authorization": f"Bearer {token}"} if token else {}


def own_account(host: str, port: str, folder: Path = ACCOUNT) -> Access:
    """The account of the pod that healer runs in. Raises NoAccess."""
    at = f"[{host}]" if ":" in host else host
    try:
        tls = _believing(cafile=str(folder / "ca.crt"))
    except (OSError, ssl.SSLError) as error:
        raise NoAccess(f"the pod's account in {folder} cannot be read: {error}") from None
    return Access(f"https://{at}:{port}", tls, token_file=folder / "token")


def from_kubeconfig(file: Path, context: str = "") -> Access:
    """What one context of a kubeconfig says. Raises NoAccess."""
    try:
        said = load_document(file).data
    except DocumentError as error:
        raise NoAccess(f"the kubeconfig cannot be read: {error.problems[0]}") from None
    if not isinstance(said, dict):
        raise NoAccess(f"{file} is no kubeconfig")
    name = context or said.get("current-context") or ""
    chosen = _named(said, "contexts", name, "context", file)
    cluster = _named(said, "clusters", chosen.get("cluster"), "cluster", file)
    user = _named(said, "users", chosen.get("user"), "user", file) if chosen.get("user") else {}
    if {"exec", "auth-provider"} & user.keys():
        raise NoAccess(
            f"{file}: the user {chosen['user']!r} gets its token from a program: give healer its own account"
        )
    if not isinstance(cluster.get("server"), str):
        raise NoAccess(f"{file}: the cluster {chosen.get('cluster')!r} has no server")
    beside = file.parent
    try:
        tls = _tls(cluster, user, beside) if cluster["server"].startswith("https") else None
    except (OSError, ssl.SSLError, binascii.Error, ValueError) as error:
        raise NoAccess(f"{file}: the certificates of {name!r} cannot be used: {error}") from None
    basic = _basic(str(user["username"]), str(user.get("password") or "")) if user.get("username") else ""
    token_file = beside / user["tokenFile"] if user.get("tokenFile") else None
    return Access(cluster["server"], tls, token=str(user.get("token") or ""), token_file=token_file, basic=basic)


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _named(said: dict[str, Any], listed: str, name: Any, key: str, file: Path) -> dict[str, Any]:
    for one in said.get(listed) or ():
        if isinstance(one, dict) and one.get("name") == name and isinstance(one.get(key), dict):
            found: dict[str, Any] = one[key]
            return found
    raise NoAccess(f"{file} has no {key} called {name!r}")


def _tls(cluster: dict[str, Any], user: dict[str, Any], beside: Path) -> ssl.SSLContext:
    data = cluster.get("certificate-authority-data")
    authority = cluster.get("certificate-authority")
    tls = _believing(
        cafile=str(beside / authority) if authority and not data else None,
        cadata=base64.b64decode(data, validate=True).decode() if data else None,
    )
    if cluster.get("insecure-skip-tls-verify") is True:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if user.get("client-certificate-data") or user.get("client-certificate"):
        with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads keys from files alone
            certificate, key = (_file(user, f"client-{part}", beside, Path(folder)) for part in ("certificate", "key"))
            tls.load_cert_chain(certificate, key)
    return tls


def _believing(*, cafile: str | None = None, cadata: str | None = None) -> ssl.SSLContext:
    """As strict as kubectl is: from 3.13 on Python wants more of certificates than the authorities of many clusters put there."""
    tls = ssl.create_default_context(cafile=cafile, cadata=cadata)
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return tls


def _file(user: dict[str, Any], key: str, beside: Path, folder: Path) -> Path:
    data = user.get(f"{key}-data")
    if not data:
        return beside / str(user.get(key) or "")
    file = folder / key
    file.touch(0o600)
    file.write_bytes(base64.b64decode(data, validate=True))
    return file
