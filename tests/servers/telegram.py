"""The stand-in for Telegram's Bot API as a process of its own, which outlives a healer that is killed."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.servers.process import Server, get, post

ROOT = Path(__file__).parents[2]


class Telegram(Server):
    """`with Telegram(tmp_path / "telegram", token) as telegram:`. Every request is a line of `folder/requests.jsonl`."""

    name = "telegram"
    ready = "/standin/messages"

    def __init__(self, folder: Path, token: str, *, slow_s: float = 1.0, rates: bool = True) -> None:
        super().__init__(folder)
        self._token = token
        self._slow_s = slow_s
        self._rates = rates

    def command(self) -> list[str]:
        options = {"port": self.port, "token": self._token, "log": self.folder / "requests.jsonl", "slow": self._slow_s}
        told = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        python = ["env", f"PYTHONPATH={ROOT}", sys.executable]
        return [*python, "-m", "tests.standins.telegram", *told, *([] if self._rates else ["--without-rates"])]

    def requests(self, method: str = "") -> list[dict[str, Any]]:
        """What was asked of it and became visible to people, in order; of one method when it is named."""
        return [each for each in self.asked() if each["stored"] and method.lower() in ("", each["method"].lower())]

    def asked(self) -> list[dict[str, Any]]:
        """Everything that was asked of it, with its `outcome`, in order."""
        log = self.folder / "requests.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines]

    def messages(self) -> list[dict[str, Any]]:
        """What people see now: chat_id, message_id, text, edits; oldest first."""
        found: list[dict[str, Any]] = json.loads(get(f"{self.url}/standin/messages"))
        return found

    def script(self, *faults: str) -> None:
        """What goes wrong with the next requests (`tests.standins.telegram.Fault`)."""
        post(f"{self.url}/standin/faults", json.dumps(faults).encode())
