"""Opening the door and closing it: the server on its socket. Called by `healer.bootstrap`."""

import asyncio
import logging
import ssl
import zlib

import aiohttp
from aiohttp import web

log = logging.getLogger(__name__)
_server_log = logging.getLogger(f"{__name__}.http")

BACKLOG = 1024
"""Connections that may wait to be taken."""
KEEPALIVE_SECONDS = 75
"""A connection that says nothing is kept for this long; Alertmanager and Prometheus reuse theirs."""
LINGER_SECONDS = 3.0
"""The rest of a body that was refused is read and thrown away for this long, so that its sender gets to see the answer."""
FINISH_SECONDS = 10.0
"""Requests under way may take this long to finish when healer stops; then they are cancelled, unanswered."""

_THEIRS = (aiohttp.http.HttpProcessingError, aiohttp.ClientPayloadError, web.RequestPayloadError, zlib.error)
SHOWN_CHARACTERS = 200
"""Of what was wrong with it."""


class NoHttp(logging.Filter):
    """What somebody sends that is no HTTP is theirs: one line of warning, where the server would write a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _THEIRS):
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
            record.why = f"{type(error).__name__}: {error}"[:SHOWN_CHARACTERS]
        return True


_no_http = NoHttp()


class Listener:
    """One application on one address.

    A client that goes away does not cancel its request: what is being written may be stored although nobody hears the
    answer, and the sender sends it again. A request cancelled by `stop` is the same case.
    """

    def __init__(self, app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        _server_log.addFilter(_no_http)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_server_log,
            handle_signals=False,
            handler_cancellation=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            lingering_time=LINGER_SECONDS,
            shutdown_timeout=FINISH_SECONDS,
        )
        self._host = host
        self._asked = port
        self._tls = tls
        self.port = port
        """Where it listens: what the system chose when 0 was asked."""

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken or not this machine's."""
        await self._runner.setup()
        try:
            site = web.TCPSite(
                self._runner,
                self._host or None,
                self._asked,
                backlog=BACKLOG,
                ssl_context=self._tls,
                reuse_address=True,
            )
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self, within: float) -> bool:
        """Take no more connections, let requests finish for at most `within` seconds, close. True when all had finished."""
        try:
            async with asyncio.timeout(within):
                await self._runner.cleanup()
        except TimeoutError:
            log.warning("requests were still under way when the server was closed", extra={"waited_s": within})
            return False
        return True
