"""What healer knows under a seed and nobody may read, and how the world blurts it out: in errors, in what commands print.

Each secret has `MARK` in it, which stands nowhere else, so whoever looks for all of them looks for one word.
"""

import random
from functools import cached_property
from urllib.parse import quote

from healer.telemetry.redacting import Redactor

MARK = "cAnArY"


class Secrets:
    """The credentials of an installation. `known` are those that its settings have; the machines have their own."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"secrets {seed}")
        self.known: list[str] = []
        self.channel = self.drawn("123456789:")
        self.prometheus = self.drawn()
        self.alertmanager = self.drawn()
        self.inventory = self.drawn("a/+=")
        self.store = self.drawn()
        self.locks = self.drawn()
        self.hook = self.drawn()
        self.machine = self._one()
        self._prints = self._chance.choice((0, 30, 100))
        self.said = 0
        """How often the world blurted one out."""

    def drawn(self, begins: str = "") -> str:
        """One more that healer has: letters and digits after what it begins with."""
        self.known.append(f"{begins}{self._one()}")
        return self.known[-1]

    @cached_property
    def redact(self) -> Redactor:
        """Takes those that healer has out of text; all are drawn before anything is said."""
        return Redactor(self.known)

    def printed(self) -> bytes:
        """What a command may print beside its own words: what it was started with, and whom it calls."""
        if self._chance.randrange(100) >= self._prints:
            return b""
        self.said += 1
        return f"PATH=/usr/bin\nPGPASSWORD={self.machine}\ncalling {self.hook} back\n".encode()

    # --- what clients of the provider say when they fail

    def of_channel(self) -> str:
        return self._blurted(f"HTTPSConnectionPool: https://api.example.org/bot{self.channel}/sendMessage")

    def of_prometheus(self) -> str:
        return self._blurted(f"http://healer:{self.prometheus}@prometheus:9090 cannot be reached")

    def of_alertmanager(self) -> str:
        return self._blurted(f"503 for a request with {{'Authorization': 'Bearer {self.alertmanager}'}}")

    def of_inventory(self) -> str:
        return self._blurted(f"https://cmdb.example.org/graph?key={quote(self.inventory, safe='')}")

    def of_store(self) -> str:
        return self._blurted(f"postgresql://healer:{self.store}@db:5432/healer")

    def of_locks(self) -> str:
        return self._blurted(f"Error connecting to redis://:{self.locks}@redis:6379")

    def _blurted(self, what: str) -> str:
        self.said += 1
        return what

    def _one(self) -> str:
        return f"{MARK}{self._chance.randbytes(6).hex()}"
