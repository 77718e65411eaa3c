"""A real PostgreSQL, from Debian's packages, in a folder of its own: `with Postgres() as server: server.schema("mine")`."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
import pytest

from tests.servers.process import Server

OWNER = "postgres"
"""Whom the server runs as when the tests run as root: it refuses root."""


class Postgres(Server):
    """One server, on a loopback port. As root it runs as `postgres`, who may not look into pytest's folders."""

    name = "postgres"

    def __init__(self) -> None:
        self._bin = _binaries()
        super().__init__(Path(tempfile.mkdtemp(prefix="healer-postgres-")))
        self.options: Sequence[str] = ()
        self._as: list[str] = []
        if os.getuid() == 0:
            user = pwd.getpwnam(OWNER)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            # It becomes the server itself, so that a signal to it reaches the server.
            self._as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.dsn = f"postgresql://healer@127.0.0.1:{self.port}/postgres"

    def command(self) -> Sequence[str]:
        where = ["-D", str(self._data), "-p", str(self.port), "-k", str(self.folder)]
        options = [word for option in ("listen_addresses=127.0.0.1", *self.options) for word in ("-c", option)]
        return [*self._as, str(self._bin / "postgres"), *where, *options]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        if not self._data.exists():
            how = ["--no-sync", "-A", "trust", "-U", "healer", "-E", "UTF8", "--locale=C.UTF-8"]
            making = [*self._as, str(self._bin / "initdb"), "-D", str(self._data), *how]
            subprocess.run(making, check=True, capture_output=True, cwd=self.folder)
        super().start()

    def answers(self) -> bool:
        try:
            self.sql("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def sql(self, statement: str, schema: str = "public") -> list[tuple[Any, ...]]:
        """Execute it, beside whatever the test does."""
        with psycopg.connect(self._in(schema), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def schema(self, name: str) -> str:
        """A URL with an empty schema of its own: a store of its own."""
        self.sql(f"CREATE SCHEMA {name}")
        return self._in(name)

    def _in(self, schema: str) -> str:
        return f"{self.dsn}?options=-csearch_path%3D{schema}"

    def emptied(self, name: str) -> str:
        """The same, with the tables that are in it already, and nothing in them: making them takes longer than most tests."""
        found = self.sql(
            f"SELECT 'schema', nspname FROM pg_namespace WHERE nspname = '{name}' "
            f"UNION ALL SELECT 'table', tablename FROM pg_tables WHERE schemaname = '{name}' AND tablename <> 'meta' "
            f"UNION ALL SELECT 'sequence', sequencename FROM pg_sequences WHERE schemaname = '{name}'"
        )
        if not found:
            return self.schema(name)
        words = {"table": "DELETE FROM {}.{}", "sequence": "ALTER SEQUENCE {}.{} RESTART"}
        emptying = [words[kind].format(name, thing) for kind, thing in found if kind in words]
        if emptying:
            self.sql("; ".join([*emptying, f"DELETE FROM {name}.meta WHERE key NOT IN ('schema', 'installation')"]))
        return self._in(name)

    def stop(self, within: float = 10) -> None:
        """End it in peace, without waiting until everybody has gone."""
        if self._process is not None:
            os.kill(self.pid, signal.SIGINT)
        super().stop(within)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            os.kill(self.pid, signal.SIGQUIT)  # at once, its children too: nobody needs what it has any more
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _binaries() -> Path:
    """Where the server's programs are: Debian keeps them off the PATH. Skips, which fails in CI, when there are none."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("PostgreSQL is missing: as root, on Debian: apt-get install --no-install-recommends postgresql")
    return max(found, key=lambda path: int(path.parent.name)) if found else Path(str(on_path)).resolve().parent
