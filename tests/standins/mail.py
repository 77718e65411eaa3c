"""A mail server of one's own: aiosmtpd, with a mailbox, and faults on the way."""

import asyncio
import ssl
from collections import deque
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.standins.provider import Fault

REFUSED = {
    Fault.TOO_MANY: "452 4.3.1 Insufficient system storage",
    Fault.FORBIDDEN_PAGE: "554 5.7.1 Message rejected as spam",
    Fault.SERVER_ERROR: "451 4.3.0 Local error in processing",
    Fault.BAD_GATEWAY: "451 4.4.1 No answer from the next host",
}
"""What it says to a message that it does not take; where any other fault is, it took it, and the connection ends."""


class MailServer:
    """`letters` are what arrived; `texts` what their readers see. `faults` break the next messages, `strangers` are refused."""

    overruns = 0
    """It takes as many as come."""

    def __init__(self, *, password: str = "", tls: ssl.SSLContext | None = None, slow: float = 5.0) -> None:
        self.port = 0
        self.password = password
        self.faults: deque[Fault] = deque()
        self.strangers: dict[str, str] = {}
        self.letters: list[EmailMessage] = []
        self.texts: list[str] = []
        self._tls = tls
        self._slow = slow
        self._talking: list[SMTP] = []
        self._ids: set[str] = set()
        self._fates: dict[SMTP, Fault] = {}
        """What becomes of the message that each connection is about to bring."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.protocol, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        self._server.close()
        for smtp in self._talking:
            _cut(smtp)
        # What was cut is told to its protocol a moment later.
        for _ in range(3):
            await asyncio.sleep(0)

    def protocol(self) -> SMTP:
        """Its end of a connection."""
        smtp = SMTP(
            self,
            hostname="mail.example",
            enable_SMTPUTF8=True,
            authenticator=self._authenticate if self.password else None,
            auth_required=bool(self.password) and self._tls is not None,
            auth_require_tls=self._tls is not None,
            tls_context=self._tls,
            require_starttls=self._tls is not None,
        )
        self._talking.append(smtp)
        return smtp

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, said: Any
    ) -> AuthResult:
        good = isinstance(said, LoginPassword) and said.password == self.password.encode()
        return AuthResult(
            success=good, handled=good, message=None if good else "535 5.7.8 Authentication credentials invalid"
        )

    # --- what aiosmtpd calls

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._fates[server] = self.faults.popleft() if self.faults else Fault.OK
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._fates[server] is Fault.RESET_BEFORE:
            _cut(server)
        if address in self.strangers:
            return self.strangers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        fault = self._fates.pop(server)
        if refused := REFUSED.get(fault):
            return refused
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        if (id := letter["Message-ID"]) not in self._ids:
            self._ids.add(id)
            self.letters.append(letter)
            self.texts.append(letter.get_content().replace("\r\n", "\n").removesuffix("\n"))
        if fault is Fault.SLOW:
            await asyncio.sleep(self._slow)
        elif fault is not Fault.OK:
            _cut(server)
        return "250 2.0.0 Ok: queued"


def _cut(smtp: SMTP) -> None:
    """The connection ends in the middle."""
    if isinstance(smtp.transport, asyncio.Transport):
        smtp.transport.abort()
