"""What callbacks of Feishu and WeCom have in common: AES-256-CBC, how old one may be, and one refusal that gives nothing away.

Pure. Used by `feishu_callback` and `wecom_callback`. Signatures are compared in constant time, and before anything is decrypted.
"""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from notifiers.clock import SECOND, Micros

WINDOW: Micros = 300 * SECOND
"""How far the time in a signature may be from ours."""
IV_BYTES = 16


class NotGenuine(Exception):
    """Not sent by the provider, or not to us, or too old; the text says which, for the log and not for whoever sent it."""


def same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in a time that does not say where they differ. Nothing equals an empty one."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def check_fresh(stamp: str, now: Micros) -> None:
    """`stamp` is in seconds. Raises NotGenuine."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise NotGenuine("there is no time in it")
    if abs(now - int(stamp) * SECOND) > WINDOW:
        raise NotGenuine(f"its time is more than {WINDOW // SECOND} s from ours")


def decrypted(key: bytes, iv: bytes, data: bytes, block: int) -> bytes:
    """What was encrypted, without the padding to `block` bytes. Raises NotGenuine."""
    if not data or len(data) % IV_BYTES or len(iv) != IV_BYTES:
        raise NotGenuine("it cannot be decrypted")
    whole = Cipher(AES(key), CBC(iv)).decryptor()
    plain = whole.update(data) + whole.finalize()
    padding = plain[-1]
    if not 1 <= padding <= block or plain[-padding:] != bytes([padding]) * padding:
        raise NotGenuine("it cannot be decrypted")
    return plain[:-padding]


def encrypted(key: bytes, iv: bytes, plain: bytes, block: int) -> bytes:
    """The other way."""
    padding = block - len(plain) % block
    whole = Cipher(AES(key), CBC(iv)).encryptor()
    return whole.update(plain + bytes([padding]) * padding) + whole.finalize()
