"""Email through a mail server (RFC 5321): plain text, one message for each telling, all of an incident in one thread.

A message's id follows from what it says, so that a receiver can drop what comes twice. What was sent cannot be changed. Of
several recipients some may be refused: as long as one was taken, people hear of it.
"""

import contextlib
import hashlib
import re
import ssl
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import aiosmtplib
import msgspec

from notifiers import tracing
from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf8_bytes
from notifiers.message import Ambiguous, Answer, Message, Ok, Permanent, Reason, Told, Transient, hidden
from notifiers.robot import WHY_CHARACTERS, Wall, not_editable
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

TEXT_BYTES = 64 * 1024
HOUR: Micros = 3600 * SECOND
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server and whom to write to. A refused value names its key as the second argument of the ValueError."""

    takes_proxy: ClassVar[bool] = False

    host: str
    """The mail server."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    """0: 587 with starttls, 465 with tls, 25 with none."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` sends passwords and messages in the clear: for a server on this machine."""
    ca: Annotated[str, msgspec.Meta(extra={"written": "path"})] = ""
    """The authority (PEM) that signed the server's certificate; empty: those of the machine."""
    username: str = ""
    """Where the server asks for one."""
    password: Secret | None = None
    sender: str
    """Whom it comes from: healer@example.org, or with a name before it. To the server healer says the name after the @."""
    to: tuple[str, ...]
    """Whom to write to."""
    most_per_hour: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    """Messages at most in an hour."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 15 * SECOND
    """How long to wait for each answer: microseconds inside, written 15s."""

    def __post_init__(self) -> None:
        for key, address in (("sender", self.sender), *(("to", one) for one in self.to)):
            if not _is_address(address):
                raise ValueError(f"expected an address such as duty@example.org, and not {address!r}", key)
        if not self.to:
            raise ValueError("nobody is written to", "to")
        if bool(self.username) is (self.password is None):
            raise ValueError("username and password belong together", "password" if self.username else "username")


class EmailSender:
    """`Sender` for the addresses of one channel: a connection for each message."""

    type = "email"
    can_edit = False

    def __init__(self, name: str, config: EmailConfig, wall: Wall) -> None:
        self.name = name
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, (Rate(f"email:{name}", config.most_per_hour, HOUR),))
        self._config = config
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config = self._config
        letter = _letter(message, config, trace_id, self._wall())
        try:
            tls = _tls(config)
        except OSError as error:
            return Transient(why=f"ca {config.ca}: {error.strerror or 'no certificate'}", reason=Reason.CONNECT)
        client = aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port or _PORTS[config.security],
            # To ask for the name of this machine takes long where names are what is broken.
            local_hostname=parseaddr(config.sender)[1].rpartition("@")[2],
            timeout=config.timeout / SECOND,
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=tls,
        )
        try:
            answer = await _deliver(client, config, letter, Told(letter["Message-ID"].strip("<>"), self.name))
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
        finally:
            client.close()
        return hidden(answer, *([config.password] if config.password is not None else []))

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("email")

    async def close(self) -> None:
        """Nothing is held between messages."""


async def _deliver(client: aiosmtplib.SMTP, config: EmailConfig, letter: EmailMessage, reference: Told) -> Answer:
    """The conversation with the server; until the letter itself is on its way nobody can have got it."""
    try:
        await client.connect()
        if config.password is not None:
            await client.login(config.username, config.password.reveal())
        await client.mail(parseaddr(config.sender)[1])
        refused = [answer for one in config.to if (answer := await _refused(client, one)) is not None]
        if len(refused) == len(config.to):
            return refused[0]
    except aiosmtplib.SMTPAuthenticationError as error:
        return _said(error, Reason.UNAUTHORIZED, disable=True)
    except aiosmtplib.SMTPResponseException as error:
        return _said(error, Reason.REJECTED)
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        return Transient(why=f"no mail server at {config.host}: {_cause(error)}", reason=Reason.CONNECT)
    try:
        await client.data(letter.as_bytes(policy=POLICY))
    except aiosmtplib.SMTPResponseException as error:
        return _said(error, Reason.REJECTED)
    except (aiosmtplib.SMTPException, OSError) as error:
        return Ambiguous(why=f"no answer to the message: {_cause(error)}")
    return Ok(reference)


async def _refused(client: aiosmtplib.SMTP, address: str) -> Answer | None:
    try:
        await client.rcpt(parseaddr(address)[1])
    except aiosmtplib.SMTPResponseException as error:
        return _said(error, Reason.CHAT_NOT_FOUND)
    return None


def _said(error: aiosmtplib.SMTPResponseException, reason: Reason, *, disable: bool = False) -> Answer:
    """4xx is for now, 5xx for good (RFC 5321, 4.2.1)."""
    why = f"{error.code} {' '.join(error.message.split())}"[:WHY_CHARACTERS]
    if error.code < 500:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    return Permanent(why=why, reason=reason, disable=disable)


def _letter(message: Message, config: EmailConfig, trace_id: str, now: Micros) -> EmailMessage:
    shown = fit(message, TEXT_BYTES, utf8_bytes, links=False)
    text = plain_text(shown)
    domain = parseaddr(config.sender)[1].rpartition("@")[2]
    letter = EmailMessage(policy=POLICY)
    letter["From"], letter["To"] = config.sender, ", ".join(config.to)
    letter["Subject"] = shown.title or "-"
    letter["Date"] = formatdate(now / SECOND)
    id = hashlib.blake2b(f"{message.key} {trace_id} {text}".encode(), digest_size=16).hexdigest()
    letter["Message-ID"] = f"<{id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"
    if _TRACE_ID.fullmatch(trace_id):
        # A message that was never sent: what names it as its ancestor is shown as one conversation.
        letter["References"] = f"<{trace_id}@{domain}>"
    for name, value in tracing.headers(trace_id).items():
        letter[name] = value
    letter.set_content(text, cte="quoted-printable")
    return letter


def _is_address(text: str) -> bool:
    address = parseaddr(text)[1]
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and not re.search(r"[\s,<>]", address) and text.isprintable()


def _tls(config: EmailConfig) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=str(Path(config.ca))) if config.ca else None


def _cause(error: Exception) -> str:
    return " ".join(str(error).split())[:WHY_CHARACTERS] or type(error).__name__
