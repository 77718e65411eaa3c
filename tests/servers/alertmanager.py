"""The real Alertmanager, on a loopback port, alone, with a configuration given as text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.servers.process import Server, binary, delete, get, post


class Alertmanager(Server):
    """`config` is alertmanager.yml; `flags` are added to the command line. Its state survives `restart`, and `kill`.

    `with Alertmanager(tmp_path / "alertmanager", config) as alertmanager: ...`
    """

    name = "alertmanager"

    def __init__(self, folder: Path, config: str, *, flags: Sequence[str] = (), port: int | None = None) -> None:
        super().__init__(folder, port)
        self._flags = tuple(flags)
        self._binary = binary("prometheus-alertmanager", "prometheus-alertmanager")
        self.write(config)

    def command(self) -> list[str]:
        return [
            self._binary,
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            "--log.level=warn",
            *self._flags,
        ]

    @property
    def version(self) -> str:
        """What the server reports of itself."""
        return str(self.api("status")["versionInfo"]["version"])

    def write(self, config: str) -> None:
        """Lay down the configuration; `reload` makes a running server take it."""
        (self.folder / "alertmanager.yml").write_text(config)

    def reload(self, config: str | None = None) -> None:
        if config is not None:
            self.write(config)
        post(f"{self.url}/-/reload", within=30)

    def api(self, path: str) -> Any:
        """An answer of the API v2."""
        return json.loads(get(f"{self.url}/api/v2/{path}", within=10))

    def post_alerts(self, alerts: Sequence[Mapping[str, object]]) -> None:
        """Send alerts as Prometheus would."""
        post(f"{self.url}/api/v2/alerts", json.dumps(list(alerts)).encode())

    def expire(self, silence: str) -> None:
        """End a silence now."""
        delete(f"{self.url}/api/v2/silence/{silence}")

    def silence(self, silence: Mapping[str, object]) -> str:
        """Add a silence; its id."""
        return str(json.loads(post(f"{self.url}/api/v2/silences", json.dumps(silence).encode()))["silenceID"])
