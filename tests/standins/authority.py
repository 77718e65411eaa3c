"""Certificates for servers of tests: an authority of one's own, and what it signs."""

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.standins.provider import Provider


class Authority:
    """Signs one server's certificate, for 127.0.0.1. `ca` is the file that whoever believes it is given."""

    def __init__(self, folder: Path) -> None:
        key, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name, host = _name("Tests' own authority"), _name("127.0.0.1")
        root = _certificate(name, name, own, own).add_extension(x509.BasicConstraints(True, None), critical=True)
        server = _certificate(host, name, key, own).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        signed = [one.sign(own, hashes.SHA256()) for one in (root, server)]
        self.ca, chain = folder / "ca.pem", folder / "server.pem"
        self.ca.write_bytes(signed[0].public_bytes(serialization.Encoding.PEM))
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + signed[1].public_bytes(serialization.Encoding.PEM)
        )
        self.fingerprint = hashlib.sha256(signed[1].public_bytes(serialization.Encoding.DER)).hexdigest()
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(chain)


class OverTls(Provider):
    """A provider with a certificate of this authority."""

    authority: Authority

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self.authority.tls).start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, own: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    authority = x509.SubjectKeyIdentifier.from_public_key(own.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), critical=False)
    )
