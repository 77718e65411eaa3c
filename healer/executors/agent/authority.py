"""Who vouches for agents, and for healer to them? A small certificate authority of healer's own, and nobody else's.

Certificates of agents name them in a URI (`urn:healer:agent:NAME`) and are good for clients alone, healer's own for servers
alone, so that neither can pose as the other. Called by `healer.executors.agent.opening` and the door.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from healer.executors.agent.durable import keep
from healer.times import DAY, MINUTE, Micros, to_datetime

LIFE: Micros = 3_650 * DAY
"""Of the authority's own certificate."""
EARLIER: Micros = 5 * MINUTE
"""Certificates are good from so long before they were made: clocks differ."""
_URN = "urn:healer:agent:"


class BadRequest(Exception):
    """A request for a certificate that gets none."""


class Authority:
    """Signs certificates."""

    def __init__(self, key: Ed25519PrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @property
    def pem(self) -> str:
        """Its certificate: what both sides believe in."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def for_agent(self, request: str, name: str, now: Micros, life: Micros) -> x509.Certificate:
        """A certificate for the key that a request (PEM) proves to hold. Raises BadRequest."""
        try:
            asked = x509.load_pem_x509_csr(request.encode())
            key, proven = asked.public_key(), asked.is_signature_valid
        except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
            raise BadRequest(f"this is no request for a certificate: {error}") from error
        if not proven or not isinstance(key, Ed25519PublicKey):
            raise BadRequest("a certificate is for an Ed25519 key that signed the request")
        identity = x509.UniformResourceIdentifier(_URN + quote(name, safe=""))
        return self._signed(key, now, life, [identity], ExtendedKeyUsageOID.CLIENT_AUTH)

    def for_server(self, names: Sequence[str], now: Micros, life: Micros) -> bytes:
        """healer's own key and certificate for these names, PEM, one after the other."""
        key = Ed25519PrivateKey.generate()
        named = [_named(name) for name in names]
        certificate = self._signed(key.public_key(), now, life, named, ExtendedKeyUsageOID.SERVER_AUTH)
        return _private(key) + certificate.public_bytes(Encoding.PEM)

    def _signed(
        self,
        key: Ed25519PublicKey,
        now: Micros,
        life: Micros,
        names: Sequence[x509.GeneralName],
        use: x509.ObjectIdentifier,
    ) -> x509.Certificate:
        return (
            _builder("healer", self._certificate.subject, key, now, life)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, None)
        )


def open_authority(folder: Path, now: Micros) -> Authority:
    """The authority in a folder; a missing one is made. Raises OSError, and ValueError for files that are none."""
    key_file, file = folder / "ca.key", folder / "ca.pem"
    if not key_file.exists():
        made = Ed25519PrivateKey.generate()
        certificate = _own(made, now)
        keep(file, certificate.public_bytes(Encoding.PEM))
        keep(key_file, _private(made))
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{key_file} holds no Ed25519 key")
    return Authority(key, x509.load_pem_x509_certificate(file.read_bytes()))


def name_in(certificate: dict[str, object]) -> str:
    """The agent that a verified certificate names, as `ssl` shows it; "" where it names none."""
    found = certificate.get("subjectAltName", ())
    assert isinstance(found, tuple)
    names = [unquote(value.removeprefix(_URN)) for kind, value in found if kind == "URI" and value.startswith(_URN)]
    return names[0] if len(names) == 1 else ""


def _own(key: Ed25519PrivateKey, now: Micros) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "healer agents")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder("healer agents", name, key.public_key(), now, LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, None)
    )


def _builder(
    common: str, issuer: x509.Name, key: Ed25519PublicKey, now: Micros, life: Micros
) -> x509.CertificateBuilder:
    begins: datetime = to_datetime(now - EARLIER)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(microseconds=EARLIER + life))
    )


def _named(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
