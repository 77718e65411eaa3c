"""`kubectl apply` of a Remediation, from the object to its end: the whole service on virtual time beside the API double."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from healer.remediation.approval import destroyed, reject, say_yes
from healer.remediation.model import Remediation
from healer.times import HOUR, MINUTE, SECOND
from tests.integration.packs.installation import Installation, staged
from tests.standins.cluster.objects import Json

RESTARTED = "kubectl.kubernetes.io/restartedAt"


def apply(here: Installation, action: str = "rollout_restart", name: str = "mine", **more: Any) -> None:
    """What kubectl would send."""
    spec = {"action": action, "target": {"kind": "Deployment", "name": "cart"}, "reason": "it leaks", **more}
    here.cluster.objects.create("remediations", "shop", {"metadata": {"name": name}, "spec": spec})


def status(here: Installation, name: str = "mine") -> Json:
    found: Json = here.cluster.objects.get("remediations", "shop", name).get("status", {})
    return found


async def until(here: Installation, holds: Callable[[], bool]) -> None:
    """At most an hour of the cluster's time."""
    latest = here.clock.now() + HOUR
    while not holds():
        assert here.clock.now() < latest, [one["status"] for one in here.cluster.objects.every("remediations")]
        await here.passed(5 * SECOND)


async def asked(here: Installation) -> Remediation:
    await until(here, lambda: status(here).get("state") == "awaiting_approval")
    found = await here.store.remediation(status(here)["remediation"])
    assert found is not None
    return found


async def agree(here: Installation, found: Remediation) -> None:
    """Somebody says yes; to what destroys something once more, with its name."""
    for targets in ((), destroyed(found.plan))[: 2 if destroyed(found.plan) else 1]:
        yes = partial(say_yes, who="alice", now=here.clock.now(), plan="", targets=targets)
        await here.store.answer(found.id, yes, now=here.clock.now())


def restarted(here: Installation) -> str:
    template = here.cluster.objects.get("deployments", "shop", "cart")["spec"]["template"]
    return str((template["metadata"].get("annotations") or {}).get(RESTARTED, ""))


def test_it_is_asked_run_and_verified_like_any_other(tmp_path: Path) -> None:
    """Nothing before somebody agreed; then the effect, its proof, the words in its status, and an event beside the Deployment."""

    async def play(here: Installation) -> None:
        apply(here)
        found = await asked(here)
        assert any('"it leaks"' in why for why in found.plan.because)
        assert not restarted(here)
        await agree(here, found)
        await until(here, lambda: status(here).get("state") == "succeeded")
        assert restarted(here)
        said = status(here)
        assert (said["approvedBy"], said["incident"], said["rule"]) == (
            ["alice"],
            found.plan.incident,
            "restart a rollout that somebody asked for",
        )
        assert {one["type"]: one["status"] for one in said["conditions"]} == {
            "Accepted": "True",
            "Progressing": "False",
            "Succeeded": "True",
        }
        (event,) = here.cluster.objects.every("events")
        assert (event["reason"], event["regarding"]["name"], event["type"]) == ("Repaired", "cart", "Normal")
        first = restarted(here)
        assert await here.open() == []
        assert restarted(here) == first
        assert len(await here.store.remediations()) == 1

    staged(tmp_path, "", play, asks=True)


def test_whoever_deletes_it_takes_it_back(tmp_path: Path) -> None:
    """While people are asked nothing was run, and nothing is any more; and another one under the same name is heard anew."""

    async def play(here: Installation) -> None:
        apply(here)
        found = await asked(here)
        here.cluster.objects.drop("remediations", "shop", "mine")
        await here.passed(MINUTE)
        after = await here.store.remediation(found.id)
        assert after is not None
        assert (after.state, after.detail) == ("cancelled", "whoever deleted Remediation shop/mine stopped it")
        apply(here)
        second = await asked(here)
        assert second.id != found.id
        await here.store.answer(second.id, lambda one: reject(one, "bob", here.clock.now()), now=here.clock.now())
        await until(here, lambda: status(here).get("state") == "rejected")
        assert status(here)["message"] == "bob said no"
        assert not restarted(here)
        assert await here.open() == []

    staged(tmp_path, "", play, asks=True)


def test_whoever_goes_on_asks_for_nothing_a_second_time(tmp_path: Path) -> None:
    """Another healer takes back what was deleted while none was there, and leaves alone what was done."""

    async def play(here: Installation) -> None:
        apply(here)
        await agree(here, await asked(here))
        await until(here, lambda: status(here).get("state") == "succeeded")
        first = restarted(here)
        apply(here, name="other", action="rollout_undo")
        await until(here, lambda: status(here, "other").get("state") == "awaiting_approval")
        await here.start_anew(lambda: here.cluster.objects.drop("remediations", "shop", "other"))
        await here.passed(5 * MINUTE)
        states = sorted(one.state for one in await here.store.remediations())
        assert (states, restarted(here)) == (["cancelled", "succeeded"], first)
        assert await here.open() == []

    staged(tmp_path, "", play, asks=True)


def test_what_nobody_answers_says_so(tmp_path: Path) -> None:
    """A word that no rule has, a target that is none, and nodes from a namespace that may not have them."""

    async def play(here: Installation) -> None:
        apply(here, "dance", "unheard")
        apply(here, "cordon_node", "node", target={"kind": "Node", "name": "worker-1"})
        apply(here, name="nowhere", target={"kind": "Deployment", "name": "chart"})
        await until(here, lambda: status(here, "unheard").get("state") == "unanswered")
        await until(here, lambda: status(here, "node").get("state") == "invalid")
        assert "no rule in use begins for it" in status(here, "unheard")["message"]
        assert "nodes may be named in these namespaces alone: ops" in status(here, "node")["message"]
        await until(here, lambda: status(here, "nowhere").get("state") == "refused")
        assert "workload/shop/chart" in status(here, "nowhere")["message"]

    staged(tmp_path, "", play, asks=True)
