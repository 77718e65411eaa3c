"""How does the agents' side of healer come to be: its folder, its keys, its TLS. Called by `healer.bootstrap`."""

import fcntl
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from healer.executors.agent.agents import Agents, Note
from healer.executors.agent.authority import open_authority
from healer.executors.agent.durable import DiskFolder, keep
from healer.executors.agent.passes import Passes
from healer.executors.agent.roll import Roll
from healer.executors.agent.settings import AgentSettings
from healer.seams import Clock, Random
from healer.times import DAY, Micros

SERVER_LIFE: Micros = 90 * DAY
"""Of healer's own certificate; each start makes a new one."""
KEY_BYTES = 32


class CannotOpen(Exception):
    """The folder of agents cannot be used, and why."""


def open_agents(settings: AgentSettings, folder: Path, clock: Clock, random: Random, note: Note) -> Agents:
    """What the folder holds; a new one is made. Raises CannotOpen."""
    try:
        roll = Roll(DiskFolder(folder / "enrolled"), DiskFolder(folder / "invited"))
        with _alone(folder):
            authority = open_authority(folder, clock.now())
            file = folder / "pass.key"
            if not file.exists():
                keep(file, bytes.fromhex(random.token(KEY_BYTES)))
        passes = Passes(file.read_bytes())
    except OSError as error:
        raise CannotOpen(f"{error.filename or folder} cannot be used: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise CannotOpen(f"{folder} holds no authority: {error}") from error
    return Agents(settings, roll, authority, passes, clock, random, note)


def server_tls(agents: Agents, folder: Path, failed: Callable[[str], None]) -> ssl.SSLContext:
    """TLS 1.3 alone, believing healer's own authority alone. `failed` hears why a handshake came to nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    renew_certificate(context, agents, folder)
    context.load_verify_locations(cadata=agents.authority.pem)
    # Whoever enrols has none yet; the door asks for it everywhere else.
    context.verify_mode = ssl.CERT_OPTIONAL

    class Telling(ssl.SSLObject):
        """Says when a handshake fails: the server itself drops such connections without a word."""

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise
            except ssl.SSLError as error:
                failed(error.reason or str(error))
                raise

    context.sslobject_class = Telling
    return context


def renew_certificate(context: ssl.SSLContext, agents: Agents, folder: Path) -> None:
    """Show a new certificate of healer's own from now on."""
    file = folder / "server.pem"
    with _alone(folder):
        keep(file, agents.authority.for_server(agents.settings.names, agents.clock.now(), SERVER_LIFE))
        try:
            context.load_cert_chain(file)
        finally:
            file.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Replicas that share the folder come one after the other, so that all have one authority."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
