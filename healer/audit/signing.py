"""The key that anchors are signed with: a file that only its owner reads. Called by `healer.bootstrap`."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

NAME = "audit.key"
"""Beside the store, where no other file is named."""


class BadKey(Exception):
    """The key cannot be used, and what to do about it."""


def signing_key(file: Path, *, make: bool) -> Ed25519PrivateKey:
    """The key in a file; a missing one is made where `make` says so. Raises BadKey."""
    try:
        if make and not file.exists():
            return _made(file)
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise BadKey(f"{file} can be read by others than its owner: chmod 600 {file}")
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        raise BadKey(f"{file} cannot be used: {error.strerror}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(
            f"{file} holds no Ed25519 key without a passphrase: openssl genpkey -algorithm ed25519 -out {file}"
        )
    return key


def _made(file: Path) -> Ed25519PrivateKey:
    """A new key, in the file before anything is signed with it."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(opened, text)
        os.fsync(opened)
    finally:
        os.close(opened)
    return key
