"""A form with a file in it, as the bytes of a request. Pure. Used by channels that take pictures."""

from collections.abc import Mapping
from hashlib import blake2b

Form = tuple[bytes, str]
"""The body, and its Content-Type."""


def form(fields: Mapping[str, str], name: str, file: bytes, *, filename: str = "healer.png") -> Form:
    """`multipart/form-data` with `fields` and one PNG under `name`. The boundary is a hash of the file, which cannot hold it."""
    boundary = blake2b(file, digest_size=16).hexdigest()
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in fields.items()]
    about = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: image/png\r\n\r\n'
    parts.append(about.encode() + file)
    between = f"--{boundary}\r\n".encode()
    body = b"".join(between + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"
