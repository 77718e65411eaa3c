"""Reads the values that refer to something: secrets in files and variables, paths beside the file, matchers.

The converter calls these; they are the only part of reading a document that looks beyond it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, Protocol

from healer.alerts.matchers import MatcherError, Matchers, parse_matchers
from healer.documents.fields import Secret
from healer.documents.problems import Path
from healer.documents.wording import found

MAX_SECRET_BYTES = 64 << 10
"""Bytes of a secret's file: a key, a token, a password."""

WRONG: Any = object()
"""What a value is that could not be read; it has been complained about."""


class Reader(Protocol):
    """What reading a value needs: the variables, the file's folder, and where to complain."""

    @property
    def environ(self) -> Mapping[str, str]: ...

    @property
    def directory(self) -> FilePath: ...

    def complain(self, path: Path, message: str) -> Any:
        """Note a mistake; returns WRONG."""
        ...


def secret(reader: Reader, value: Any, path: Path) -> Any:
    if not isinstance(value, dict) or len(value) != 1 or not {"file", "env"} & set(value):
        # What was found is not repeated: it may be the secret itself.
        return reader.complain(path, "a secret is a reference: write {file: PATH} or {env: NAME}")
    ((kind, name),) = value.items()
    if not isinstance(name, str) or not name:
        return reader.complain((*path, kind), f"expected the name of {'a file' if kind == 'file' else 'a variable'}")
    if kind == "env":
        if name not in reader.environ:
            return reader.complain((*path, kind), f"the environment variable {name} is not set")
        text = reader.environ[name]
    else:
        file = reader.directory / name
        try:
            with file.open("rb") as stream:
                raw = stream.read(MAX_SECRET_BYTES + 1)
            text = raw.decode()
        except OSError as error:
            return reader.complain((*path, kind), f"the file {file} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            return reader.complain((*path, kind), f"the file {file} is not text (UTF-8)")
        if len(raw) > MAX_SECRET_BYTES:
            return reader.complain((*path, kind), f"the file {file} has more than {MAX_SECRET_BYTES} bytes")
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        return reader.complain((*path, kind), f"the secret in {name} is empty")
    return Secret(text, f"{kind}:{name}")


def file_path(reader: Reader, value: Any, path: Path) -> Any:
    if not isinstance(value, str) or not value or "\x00" in value:
        return reader.complain(path, f"expected a path, found {found(value)}")
    return reader.directory / FilePath(value).expanduser() if value.startswith("~/") else reader.directory / value


def matchers(reader: Reader, value: Any, path: Path) -> Any:
    if isinstance(value, str):
        texts: Sequence[Any] = [value]
    elif isinstance(value, list):
        texts = value
    else:
        return reader.complain(path, f"expected matchers such as ['severity=\"critical\"'], found {found(value)}")
    read: list[Any] = []
    for index, text in enumerate(texts):
        at = (*path, index) if isinstance(value, list) else path
        try:
            if not isinstance(text, str):
                read.append(
                    reader.complain(at, f"expected a matcher such as 'severity=\"critical\"', found {found(text)}")
                )
            else:
                read.extend(parse_matchers(text))
        except MatcherError as error:
            read.append(reader.complain(at, str(error)))
    return WRONG if any(one is WRONG for one in read) else Matchers(read)
