"""Who is this agent, and how does it prove it? A key that never leaves the machine, and certificates of healer's authority.

The key and its certificate stand in one file, which only root reads; a renewal replaces both at once.
"""

import ssl
from pathlib import Path

import aiohttp
import msgspec

from healer.executors.agent.durable import keep
from healer.executors.agent.wire import ENROL, RENEW, Certificate, Enrolment, Invitation, Renewal
from healer.seams import Clock
from healer.times import Micros

WITHIN = aiohttp.ClientTimeout(total=30.0)


class NotEnrolled(Exception):
    """There is no certificate, and why none was given."""


class Identity(msgspec.Struct, frozen=True):
    """What is known of oneself."""

    name: str
    servers: tuple[str, ...]
    authority: str
    """PEM."""
    expires_at: Micros
    life: Micros


_identity = msgspec.json.Decoder(Identity)
_invitation = msgspec.json.Decoder(Invitation)
_certificate = msgspec.json.Decoder(Certificate)


def known(state: Path) -> Identity | None:
    """Who this machine became when it was enrolled. Raises NotEnrolled for files that cannot be read."""
    try:
        return _identity.decode((state / "identity.json").read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise NotEnrolled(f"{state / 'identity.json'} cannot be used: {error}") from error


async def enrol(invitation: Path, state: Path, clock: Clock) -> Identity:
    """Become who the invitation says. Raises NotEnrolled."""
    invited = _invited(invitation)
    key, request = new_request()
    tls = trusting(invited.authority)
    why = "it names no server"
    for server in invited.servers:
        try:
            asked = Enrolment(invited.token, request)
            answer = await _ask(f"{server}{ENROL}", msgspec.json.encode(asked), tls)
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            why = f"{server}: {str(error) or 'no answer'}"
            continue
        identity = Identity(invited.name, invited.servers, invited.authority, clock.now() + answer.life, answer.life)
        _keep(state, key, answer, identity)
        return identity
    raise NotEnrolled(f"nobody enrolled this machine: {why}")


def _invited(file: Path) -> Invitation:
    try:
        return _invitation.decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        hint = "`healer agents invite NAME` makes one, for this machine alone"
        raise NotEnrolled(f"the invitation {file} cannot be read: {error}; {hint}") from error


async def renew(identity: Identity, server: str, token: str, state: Path, clock: Clock) -> Identity:
    """The next certificate, for a new key. Raises OSError, ClientError, TimeoutError, NotEnrolled."""
    key, request = new_request()
    headers = {"Authorization": f"Bearer {token}"}
    tls = proving(identity, state)
    answer = await _ask(f"{server}{RENEW}", msgspec.json.encode(Renewal(request)), tls, headers)
    after = msgspec.structs.replace(identity, expires_at=clock.now() + answer.life, life=answer.life)
    _keep(state, key, answer, after)
    return after


def is_due(identity: Identity, now: Micros) -> bool:
    """Whether a third of its certificate's life is all that is left."""
    return now > identity.expires_at - identity.life // 3


def trusting(authority: str) -> ssl.SSLContext:
    """TLS 1.3 towards healer, by its own authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as error:
        raise NotEnrolled(f"the authority in the invitation is none: {error}") from error
    return context


def proving(identity: Identity, state: Path) -> ssl.SSLContext:
    """The same, showing one's own certificate. Raises NotEnrolled."""
    context = trusting(identity.authority)
    try:
        context.load_cert_chain(state / "identity.pem")
    except (OSError, ssl.SSLError) as error:
        raise NotEnrolled(f"{state / 'identity.pem'} cannot be used: {error}") from error
    return context


async def _ask(url: str, body: bytes, tls: ssl.SSLContext, headers: dict[str, str] | None = None) -> Certificate:
    """Raises OSError, ClientError, TimeoutError, NotEnrolled."""
    async with (
        aiohttp.ClientSession(timeout=WITHIN) as session,
        session.post(url, data=body, ssl=tls, headers=headers) as answer,
    ):
        said = await answer.read()
        if answer.status != 200:
            raise NotEnrolled(f"{url} refuses: {said.decode(errors='replace')[:200]}")
        return _certificate.decode(said)


def _keep(state: Path, key: bytes, answer: Certificate, identity: Identity) -> None:
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    keep(state / "identity.pem", key + answer.certificate.encode())
    keep(state / "identity.json", msgspec.json.encode(identity))


def new_request() -> tuple[bytes, str]:
    """A new key, and a request for its certificate; PEM."""
    # Needed once in weeks, and half of what the process would otherwise hold in memory.
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        request.public_bytes(Encoding.PEM).decode(),
    )
