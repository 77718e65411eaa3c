"""Email, against a real mail server: threads, what may come twice, who is refused, certificates."""

import datetime as dt
import io
import ipaddress
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from notifiers import CHANNELS, Means
from notifiers.clock import SECOND
from notifiers.email import EmailConfig
from notifiers.message import Answer, Message, Ok, Permanent, Reason, Transient, line
from notifiers.secret import Secret
from tests.standins.mail import MailServer

TRACE = "0af7651916cd43dd8448eb211c80319c"
STORY = Message("[CRIT broken] rack r17 断电", (line("since 10:02"),), code="7f3a")
GIVEN: dict[str, Any] = {
    "host": "127.0.0.1",
    "sender": "healer <healer@example.org>",
    "to": ("duty@example.org", "ops@example.org"),
}


async def tell(server: MailServer, *messages: Message, **more: Any) -> list[Answer]:
    """What a channel answers to these messages, one after the other."""
    config = EmailConfig(**GIVEN | {"port": server.port, "security": "none", "timeout": 2 * SECOND} | more)
    async with aiohttp.ClientSession() as session:
        means = Means.alone(session, io.StringIO(), lambda: 1_767_780_000 * SECOND)
        sender = CHANNELS["email"].factory("ops", config, means)
        return [await sender.send(message, trace_id=TRACE) for message in messages]


async def test_an_incident_is_one_conversation() -> None:
    """All its messages name one ancestor; each has an id of its own, which is the same when it is sent again."""
    async with MailServer() as server:
        healed = msgspec.structs.replace(STORY, title="[CRIT healed] rack r17 断电")
        answers = await tell(server, STORY, healed, STORY)
    first, second = server.letters
    assert all(isinstance(answer, Ok) for answer in answers)
    assert first["References"] == second["References"] == f"<{TRACE}@example.org>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Subject"] == "[CRIT broken] rack r17 断电"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Date"] == "Wed, 07 Jan 2026 10:00:00 -0000"
    assert (first["From"], first["To"]) == ("healer <healer@example.org>", "duty@example.org, ops@example.org")


async def test_one_recipient_that_is_refused_stops_nobody() -> None:
    """As long as one recipient is taken people hear; when all are refused for good, it is the channel's address that is wrong."""
    async with MailServer() as server:
        server.strangers["duty@example.org"] = "550 5.1.1 User unknown"
        (answer,) = await tell(server, STORY)
        assert isinstance(answer, Ok)
        server.strangers["ops@example.org"] = "550 5.1.1 User unknown"
        (answer,) = await tell(server, STORY)
        assert isinstance(answer, Permanent)
        assert (answer.reason, answer.why) == (Reason.CHAT_NOT_FOUND, "550 5.1.1 User unknown")
        server.strangers.update(dict.fromkeys(server.strangers, "450 4.2.1 Mailbox busy"))
        (answer,) = await tell(server, STORY)
        assert isinstance(answer, Transient)


async def test_a_wrong_password_is_for_good() -> None:
    """Nothing is tried again with it, and it is in no answer."""
    async with MailServer(password="right") as server:
        (answer,) = await tell(server, STORY, username="healer", password=Secret("wrong-one"))
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (Reason.UNAUTHORIZED, True)
    assert "wrong-one" not in repr(answer)
    assert not server.letters


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for 127.0.0.1, and the file by which it is believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context, folder / "cert.pem"


async def test_what_is_said_is_said_under_tls(tmp_path: Path) -> None:
    """STARTTLS with a certificate that is known; one that is not, or by an authority that is not there, is refused before
    anything is said."""
    tls, ca = certificate(tmp_path)
    async with MailServer(password="right", tls=tls) as server:
        login = {"username": "healer", "password": Secret("right"), "security": "starttls"}
        (answer,) = await tell(server, STORY, ca=str(ca), **login)
        assert isinstance(answer, Ok)
        assert len(server.letters) == 1
        (tmp_path / "empty.pem").touch()
        for wrong in ({}, {"ca": str(tmp_path / "gone.pem")}, {"ca": str(tmp_path / "empty.pem")}):
            (answer,) = await tell(server, STORY, **wrong, **login)
            assert isinstance(answer, Transient)
            assert answer.reason is Reason.CONNECT
        assert len(server.letters) == 1


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"sender": "nobody"}, "sender"),
        ({"to": ("duty@example.org", "a b@example.org\r\nBcc: x")}, "to"),
        ({"to": ()}, "to"),
        ({"username": "healer"}, "password"),
        ({"password": Secret("x")}, "username"),
    ],
)
def test_what_is_refused(given: dict[str, Any], key: str) -> None:
    """A wrong value is refused by the name of its key."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - each has words of its own; the key is what is tested
        EmailConfig(**GIVEN | given)
    assert refused.value.args[1] == key
