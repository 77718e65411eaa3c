"""The whole loop on a healer of its own, from a clean clone: `make drill` calls this.

Starts healer with the configuration beside this file, pretends to be a canary that is ill until healer calls its webhook, runs
`healer drill canary` with the arguments given here, and stops healer. The exit code is the drill's.
"""

import base64
import os
import subprocess
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEALER = str(Path(sys.executable).with_name("healer"))
KEPT = HERE.parents[1] / "data" / "drill"
URL = "http://127.0.0.1:9098"


class Canary(BaseHTTPRequestHandler):
    """Ill, until somebody calls /mend."""

    well = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Canary.well = True
        self._answer(200)

    def do_GET(self) -> None:
        self._answer(200 if Canary.well else 503)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody needs to hear of each call."""


def is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"{URL}/-/ready", timeout=1):  # noqa: S310 - the address is written above
            return True
    except OSError:
        return False


def main() -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / "secret").write_text("whsec_" + base64.b64encode(os.urandom(24)).decode())
    with HTTPServer(("127.0.0.1", 9097), Canary) as canary:
        canary.timeout = 0.2
        healer = subprocess.Popen(  # noqa: S603 - both run what was installed beside this Python
            [HEALER, "serve", "--config", str(HERE / "healer.yaml")],
            stdout=sys.stderr,
        )
        try:
            while not is_ready():
                canary.handle_request()
                if healer.poll() is not None:
                    return healer.returncode
            command = [HEALER, "drill", "canary", "--url", URL, *sys.argv[1:]]
            with subprocess.Popen(command) as drill:  # noqa: S603 - as above
                while drill.poll() is None:
                    canary.handle_request()
            return drill.returncode
        finally:
            healer.terminate()
            healer.wait(30)


if __name__ == "__main__":
    sys.exit(main())
