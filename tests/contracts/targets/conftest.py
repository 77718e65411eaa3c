"""The executors that pass the suite: the in-memory fleet, asyncssh against a real sshd, calls over real HTTP, and a BMC.

What is called over HTTP keeps no register, nor does a BMC, so only what asks for none is asked of those: `bench` is every
executor, `machines` those whose targets remember what they were told.
"""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest

from healer.documents.fields import Secret
from healer.executors.http.settings import HttpSettings, Webhook
from healer.executors.http.target import HttpTarget
from healer.executors.memory import Cut as MemoryCut
from healer.executors.memory import MemoryTarget, Moment
from healer.executors.redfish.settings import Bmc as BmcSettings
from healer.executors.redfish.settings import RedfishSettings
from healer.executors.redfish.target import RedfishTarget
from healer.executors.register import Ran
from healer.executors.ssh import SshTarget
from healer.executors.target import Order, Target
from healer.executors.typed import written
from healer.seams import SystemClock
from healer.times import MILLISECOND, MINUTE, SECOND
from tests.contracts.targets.bench import Bench, Does, Machines
from tests.servers.agents import Stand, agent_file, agent_here, stand
from tests.servers.sshd import SshHost, ssh_host
from tests.standins.authority import Authority
from tests.standins.bmc import PASSWORD, Bmc
from tests.standins.called import Called

_ACT = """#!/bin/sh
[ "$1" != show ] || { echo state; exit 3; }
echo "$HEALER_INTENT" >>"$(dirname "$0")/effects.log"
case $1 in
  succeed) echo fine ;;
  fail) exit 3 ;;
  work) sleep 1; echo fine ;;
  hang) trap '' TERM; while :; do sleep 1; done ;;
  babble) head -c 5000 /dev/zero | tr '\\0' x ;;
esac
"""
_RUNS: dict[str, Ran] = {
    "succeed": Ran(output=b"fine\n"),
    "fail": Ran(exit_code=3),
    "work": Ran(output=b"fine\n", takes=SECOND),
    "hang": Ran(takes=10_000 * SECOND),
    "babble": Ran(output=b"x" * 5000),
    "show": Ran(exit_code=3, output=b"state\n"),
}
AGENT = "host/cn-1"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_tests = itertools.count()


def _does(order: Order) -> Ran:
    return _RUNS[order.argv[1]]


class _Orders:
    """Orders whose intents and nodes belong to one test."""

    failure = 3
    reports_later = False

    def __init__(self, program: str, address: str) -> None:
        self.name = f"t{next(_tests)}"
        self._program = program
        self._address = address

    def order(self, intent: str, token: int, *, step: int = 0, node: str = "cn-1", does: Does = "succeed") -> Order:
        return Order(
            intent=f"{self.name}:{intent}",
            step=step,
            token=token,
            target=f"{self.name} {node}",
            address=self._address,
            argv=self.argv(does),
            deadline_s=2 if does == "hang" else 20,
            trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
            output_limit=1000,
        )

    def argv(self, does: Does) -> tuple[str, ...]:
        return (self._program, does)

    def mine(self, intents: list[str]) -> list[str]:
        own = f"{self.name}:"
        return [intent.removeprefix(own) for intent in intents if intent.startswith(own)]


class _MemoryBench(_Orders):
    def __init__(self) -> None:
        super().__init__("/act", "10.0.0.1")
        self._fleet = MemoryTarget(SystemClock(), _does, self._pass_through, _does)
        self._cut = False

    @property
    def target(self) -> Target:
        return self._fleet

    def effects(self) -> list[str]:
        return self.mine([effect.intent for effect in self._fleet.effects])

    def cut(self) -> None:
        self._cut = True

    async def _pass_through(self, moment: Moment, order: Order) -> None:
        if self._cut and moment in ("go", "answer"):
            self._cut = False
            raise MemoryCut("the cable was pulled")


class _SshBench(_Orders):
    def __init__(self, host: SshHost, target: SshTarget) -> None:
        super().__init__(str(host.folder / "act"), host.address)
        self._host = host
        self._target = target

    @property
    def target(self) -> Target:
        return self._target

    def effects(self) -> list[str]:
        return self.mine(self._host.effects())

    def cut(self) -> None:
        self._host.cut()


class _AgentBench(_Orders):
    reports_later = True

    def __init__(self, folder: Path, stand: Stand) -> None:
        super().__init__(str(folder / "act"), AGENT)
        self._folder = folder
        self._stand = stand

    @property
    def target(self) -> Target:
        return self._stand.target

    def effects(self) -> list[str]:
        log = self._folder / "effects.log"
        return self.mine(log.read_text().splitlines() if log.exists() else [])

    def cut(self) -> None:
        self._stand.cut()


class _HttpBench(_Orders):
    failure = 500

    def __init__(self, called: Called) -> None:
        super().__init__("", "")
        self._called = called
        webhooks = {does: Webhook(url=Secret(f"{called.url}/{does}"), secret=Secret(SECRET)) for does in get_args(Does)}
        self.target: Target = HttpTarget(HttpSettings(allow=("127.0.0.0/8",), webhooks=webhooks), SystemClock())

    def argv(self, does: Does) -> tuple[str, ...]:
        return written("call_webhook", [("webhook", does)])

    def effects(self) -> list[str]:
        return self.mine(self._called.effects)


class _RedfishBench(_Orders):
    """A BMC knows no intents: an effect is that of the order which was made last."""

    failure = 500
    _answers: Mapping[Does, tuple[int, str]] = {
        "succeed": (200, "fine"),
        "fail": (500, "broken"),
        "babble": (200, "x" * 5000),
    }

    def __init__(self, bmc: Bmc) -> None:
        super().__init__("", "")
        self._bmc = bmc
        host = BmcSettings(url=bmc.url, fingerprint=bmc.authority.fingerprint)
        hosts = {f"{self.name} {node}": host for node in ("cn-1", "service:shop@cn-1")}
        settings = RedfishSettings(hosts=hosts, password=Secret(PASSWORD), every=20 * MILLISECOND)
        self.target: Target = RedfishTarget(settings, SystemClock())
        self._ordered: list[str] = []
        self._started: list[str] = []

    def order(self, intent: str, token: int, *, step: int = 0, node: str = "cn-1", does: Does = "succeed") -> Order:
        self.effects()
        self._bmc.answer = self._answers[does]
        self._ordered.append(intent)
        return super().order(intent, token, step=step, node=node, does=does)

    def argv(self, does: Does) -> tuple[str, ...]:
        return written("power_cycle", [])

    def effects(self) -> list[str]:
        new = len(self._bmc.resets) - len(self._started)
        self._started += self._ordered[-1:] * new
        return self._started


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A machine's folder, with what an agent does there."""
    folder: Path = tmp_path_factory.mktemp("agent")
    (folder / "act").write_text(_ACT)
    (folder / "act").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A real sshd with the wrapper as the key's forced command."""
    folder: Path = tmp_path_factory.mktemp("machine")
    (folder / "act").write_text(_ACT)
    (folder / "act").chmod(0o755)
    with ssh_host(folder) as host:
        yield host


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs a BMC's certificate."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=["memory", "ssh", "agent", "http", "redfish"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A fleet with one executor, for each executor."""
    if request.param == "redfish":
        async with Bmc(request.getfixturevalue("authority")) as bmc:
            yield _RedfishBench(bmc)
        return
    if request.param == "http":
        async with Called(SECRET) as called:
            yield _HttpBench(called)
        return
    async with _machines(request) as found:
        yield found


@pytest.fixture(params=["memory", "ssh", "agent"])
async def machines(request: pytest.FixtureRequest) -> AsyncIterator[Machines]:
    """A fleet whose machines keep a register, and can be looked at."""
    async with _machines(request) as found:
        yield found


@asynccontextmanager
async def _machines(request: pytest.FixtureRequest) -> AsyncIterator[Machines]:
    if request.param == "memory":
        yield _MemoryBench()
        return
    if request.param == "agent":
        folder: Path = request.getfixturevalue("desk")
        settings = agent_file(folder, f"{folder}/act <name>", f"observe {folder}/act show")
        async with stand(folder / "healer") as healer, agent_here(healer, AGENT, settings):
            yield _AgentBench(folder, healer)
        return
    host: SshHost = request.getfixturevalue("machine")
    target = SshTarget(host.settings(keep=MINUTE), SystemClock())
    yield _SshBench(host, target)
    await target.close()
