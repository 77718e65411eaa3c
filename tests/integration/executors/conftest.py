"""A machine of its own for each module: real sshd, real wrapper."""

from collections.abc import AsyncIterator, Iterator

import pytest

from healer.executors.ssh import SshTarget
from healer.seams import SystemClock
from healer.times import MINUTE
from tests.servers.sshd import SshHost, ssh_host


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A machine where the key may run nothing but the wrapper."""
    with ssh_host(tmp_path_factory.mktemp("machine")) as host:
        yield host


@pytest.fixture(scope="module")
def host_with_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A machine with a service that can die, and a systemctl that can start it again."""
    with ssh_host(tmp_path_factory.mktemp("service"), service=True) as host:
        yield host


@pytest.fixture
async def target(machine: SshHost) -> AsyncIterator[SshTarget]:
    """The ssh executor, allowed to reach `machine`."""
    target = SshTarget(machine.settings(keep=MINUTE), SystemClock())
    yield target
    await target.close()
