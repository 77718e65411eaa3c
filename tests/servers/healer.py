"""healer itself as a child process, as people start it: `healer serve --config FILE`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.process import Server, get, post

LISTEN = "127.0.0.1:9099"


class Healer(Server):
    """`config` is healer.yaml; wherever it says 127.0.0.1:9099, this server's own port is put. Data lies in `folder`.

    `with Healer(tmp_path / "healer", config) as healer: ...`
    """

    name = "healer"
    starts_within = 60.0

    def __init__(
        self, folder: Path, config: str, *, files: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        super().__init__(folder, port)
        self.token = ""
        assert LISTEN in config, f"say listen: {LISTEN} in the configuration"
        for name, text in {"healer.yaml": config.replace(LISTEN, f"127.0.0.1:{self.port}"), **(files or {})}.items():
            (folder / name).write_text(text)

    def command(self) -> list[str]:
        executable = Path(sys.executable).with_name("healer")
        return [str(executable), "serve", "--config", str(self.folder / "healer.yaml")]

    def api(self, path: str) -> Any:
        """An answer of healer's own API v1. `token` is the bearer token to show, where the configuration asks for one."""
        return json.loads(get(f"{self.url}/api/v1/{path}", within=10, token=self.token))

    def order(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The answer to a POST to healer's own API v1."""
        said = json.dumps(body).encode() if body is not None else b""
        return json.loads(post(f"{self.url}/api/v1/{path}", said, within=10, token=self.token))
