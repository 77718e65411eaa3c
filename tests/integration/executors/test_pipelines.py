"""Pipelines at GitHub, GitLab and Jenkins, over real HTTP: started once, followed to their end, found again by their intent."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from healer.documents.fields import Secret
from healer.executors.http.pipelines.settings import GitHubPipeline, GitLabPipeline, JenkinsPipeline, Pipeline
from healer.executors.http.settings import HttpSettings
from healer.executors.http.target import HttpTarget
from healer.executors.target import Order
from healer.executors.typed import written
from healer.seams import SystemClock
from healer.times import MILLISECOND, MINUTE, SECOND
from tests.standins.pipelines import INTENT, NODE, TOKEN, Pipelines
from tests.standins.provider import Fault

CLOCK = SystemClock()
HOSTS = ("github", "gitlab", "jenkins")


async def go() -> bool:
    return True


async def no_go() -> bool:
    return False


async def never() -> bool:
    raise AssertionError("go was asked for")


@pytest.fixture
async def hosts() -> AsyncIterator[Pipelines]:
    async with Pipelines() as found:
        yield found


def reaching(hosts: Pipelines, token: str = TOKEN, allow: tuple[str, ...] = ("127.0.0.1",)) -> HttpTarget:
    """The executor, with one pipeline at each host, named after it."""
    secret, weight = Secret(token), {"weight": "0"}
    at = {
        "github": Pipeline(
            github=GitHubPipeline(url=hosts.url, repo="acme/shop", workflow="redeploy.yml", token=secret, inputs=weight)
        ),
        "gitlab": Pipeline(gitlab=GitLabPipeline(url=hosts.url, project="acme/shop", token=secret, variables=weight)),
        "jenkins": Pipeline(
            jenkins=JenkinsPipeline(url=hosts.url, job="shop/redeploy", user="healer", token=secret, parameters=weight)
        ),
    }
    return HttpTarget(HttpSettings(allow=allow, pipelines=at, every=20 * MILLISECOND), CLOCK)


def order(host: str, intent: str = "9f.0.0", *, deadline_s: int = 20, over: bool = False) -> Order:
    ends_by = CLOCK.now() + (-SECOND if over else MINUTE)
    argv = written("trigger_pipeline", [("pipeline", host)])
    return Order(intent, 0, 1, "workload/shop/cart", "", argv, deadline_s, ends_by=ends_by)


@pytest.mark.parametrize("host", HOSTS)
async def test_it_ends_well(hosts: Pipelines, host: str) -> None:
    """It is started once, knows by which intent it runs, about which node, and what the settings give; its end is the result."""
    result = await reaching(hosts).run(order(host), go)
    assert (result.outcome, result.exit_code, result.started) == ("succeeded", 0, True)
    assert "ended: success" in result.output.lower()
    assert result.ended_at is not None
    (run,) = hosts.runs
    assert {key.upper(): value for key, value in run.given.items()} == {
        INTENT: "9f.0.0",
        NODE: "workload/shop/cart",
        "WEIGHT": "0",
    }


@pytest.mark.parametrize("host", HOSTS)
async def test_it_fails(hosts: Pipelines, host: str) -> None:
    """A pipeline that fails is a failure that had an effect."""
    hosts.well = False
    result = await reaching(hosts).run(order(host), go)
    assert (result.outcome, result.exit_code, result.started) == ("failed", 1, True)
    assert "ended: failure" in result.why.lower() or "ended: failed" in result.why


@pytest.mark.parametrize("host", HOSTS)
async def test_lost_answer(hosts: Pipelines, host: str) -> None:
    """Where the answer to the start is lost, whoever probes finds the pipeline by its intent and waits for its end."""
    hosts.faults.append(Fault.RESET_AFTER)
    assert (await reaching(hosts).run(order(host), go)).outcome == "unknown"
    adopter = reaching(hosts)
    async with asyncio.timeout(10):
        while (settled := await adopter.probe(order(host, over=True))).outcome == "unknown":
            await asyncio.sleep(0.01)
    assert settled.outcome == "succeeded"
    assert len(hosts.runs) == 1


@pytest.mark.parametrize("host", HOSTS)
async def test_never_arrived(hosts: Pipelines, host: str) -> None:
    """A start that never arrived is unknown while it may be on its way, and after its deadline failed; that it did nothing is
    only said where it would be found in any case."""
    await reaching(hosts).run(order(host, "other.0.0"), go)
    hosts.faults.append(Fault.RESET_BEFORE)
    assert (await reaching(hosts).run(order(host), go)).outcome == "unknown"
    adopter = reaching(hosts)
    assert (await adopter.probe(order(host))).outcome == "unknown"
    settled = await adopter.probe(order(host, over=True))
    assert (settled.outcome, settled.started) == ("failed", host != "gitlab")
    assert [run.given for run in hosts.runs if "9f.0.0" in run.given.values()] == []


@pytest.mark.parametrize("host", ["jenkins"])
async def test_longer_than_the_deadline(hosts: Pipelines, host: str) -> None:
    """A pipeline that runs past the deadline is unknown, says where to look, and is settled by its own end."""
    hosts.looks = 1_000_000
    result = await reaching(hosts).run(order(host, deadline_s=1), go)
    assert result.outcome == "unknown"
    assert "still running" in result.why
    adopter = reaching(hosts)
    assert (await adopter.probe(order(host, over=True))).outcome == "unknown"
    hosts.runs[0].looks = 0
    assert (await adopter.probe(order(host, over=True))).outcome == "succeeded"


@pytest.mark.parametrize("host", HOSTS)
async def test_a_look_that_fails(hosts: Pipelines, host: str) -> None:
    """A host that stumbles while a pipeline is followed is asked again."""
    hosts.faults.extend([Fault.OK, Fault.BAD_GATEWAY, Fault.RESET_BEFORE, Fault.CUT_JSON, Fault.FORBIDDEN_PAGE])
    assert (await reaching(hosts).run(order(host), go)).outcome == "succeeded"
    assert len(hosts.runs) == 1


@pytest.mark.parametrize("host", HOSTS)
async def test_wrong_token(hosts: Pipelines, host: str) -> None:
    """A token that may not is refused, nothing was started, and a person has to mend it; it is not shown."""
    result = await reaching(hosts, "wr0ng").run(order(host), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "wr0ng" not in result.why
    assert (await reaching(hosts, "wr0ng").probe(order(host, over=True))).outcome == "unknown"
    assert hosts.runs == []


@pytest.mark.parametrize("host", HOSTS)
async def test_kill_switch(hosts: Pipelines, host: str) -> None:
    """Without go nothing is sent, and nothing at an address that may not be called."""
    assert (await reaching(hosts).run(order(host), no_go)).started is False
    refused = await reaching(hosts, allow=()).run(order(host), never)
    assert (refused.outcome, refused.lasting) == ("refused", True)
    assert hosts.requests == []


async def test_look(hosts: Pipelines) -> None:
    """A look says what would be started where, and asks nobody."""
    target = reaching(hosts)
    seen = [(await target.observe(order(host))).output.replace(hosts.url, "URL") for host in HOSTS]
    assert seen == [
        "starts redeploy.yml of acme/shop on main at URL and follows it to its end",
        "starts a pipeline of acme/shop on main at URL and follows it to its end",
        "starts the job shop/redeploy at URL and follows it to its end",
    ]
    assert hosts.requests == []


async def test_undeclared_inputs(hosts: Pipelines) -> None:
    """A workflow without healer's inputs is refused by GitHub; nothing was started."""
    hosts.declared = {"weight"}
    result = await reaching(hosts).run(order("github"), go)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "Unexpected inputs" in result.why


async def test_a_run_that_is_not_named(hosts: Pipelines) -> None:
    """A workflow without the intent in its runs' names cannot be followed: that is said, and nobody takes it for not started."""
    hosts.named = False
    result = await reaching(hosts).run(order("github", deadline_s=1), go)
    assert (result.outcome, result.started) == ("failed", True)
    assert "run-name of redeploy.yml" in result.why
    settled = await reaching(hosts).probe(order("github", over=True))
    assert (settled.outcome, settled.started) == ("failed", True)


@pytest.mark.parametrize("host", ["github", "gitlab"])
async def test_too_many_to_look_through(hosts: Pipelines, host: str) -> None:
    """Where more runs than are looked through began since, nobody says that the intent's did not."""
    given = {INTENT: "x", NODE: "y", INTENT.lower(): "x", NODE.lower(): "y"}
    for _ in range(100):
        hosts._start(given)
    assert (await reaching(hosts).probe(order(host, over=True))).outcome == "unknown"


@pytest.mark.parametrize("name", ["../x", "a b", "", "a//b", "acme/..", "x?y"])
def test_names_in_addresses(name: str) -> None:
    """What becomes part of an address is names alone."""
    with pytest.raises(ValueError, match="expected"):
        GitLabPipeline(project=name, token=Secret(TOKEN))


def test_one_host() -> None:
    """A pipeline is at one host."""
    with pytest.raises(ValueError, match="one of"):
        Pipeline()
