"""The real Prometheus, on a loopback port, with a configuration given as text."""

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.process import Server, binary, get, post


class Prometheus(Server):
    """`config` is prometheus.yml; `files` lie beside it (rules). `flags` are added to the command line.

    `with Prometheus(tmp_path / "prometheus", config) as prometheus: ...`
    """

    name = "prometheus"

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        files: Mapping[str, str] | None = None,
        flags: Sequence[str] = (),
        port: int | None = None,
    ) -> None:
        super().__init__(folder, port)
        self._flags = tuple(flags)
        self._binary = binary("prometheus", "prometheus")
        self.write(config, files or {})

    def command(self) -> list[str]:
        return [
            self._binary,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
            *self._flags,
        ]

    @property
    def version(self) -> str:
        """What the server reports of itself."""
        return str(self.api("status/buildinfo")["version"])

    def write(self, config: str, files: Mapping[str, str]) -> None:
        """Lay down the configuration; `reload` makes a running server take it."""
        for name, text in {"prometheus.yml": config, **files}.items():
            (self.folder / name).write_text(text)

    def reload(self, config: str | None = None, files: Mapping[str, str] | None = None) -> None:
        if config is not None:
            self.write(config, files or {})
        post(f"{self.url}/-/reload", within=30)

    def api(self, path: str, **parameters: str) -> Any:
        """`data` of an answer of the API v1."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        return json.loads(get(f"{self.url}/api/v1/{path}{query}", within=10))["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The vector that `expression` gives now."""
        found: list[dict[str, Any]] = self.api("query", query=expression)["result"]
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """Pending and firing alerts."""
        found: list[dict[str, Any]] = self.api("alerts")["alerts"]
        return found
