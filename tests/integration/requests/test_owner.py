"""Of several healers on one store the one that converges hears requests, and the next one goes on where it stopped."""

import asyncio
from typing import Any

import msgspec

from healer.executors.kubernetes.api import Api
from healer.kubernetes.access import Access
from healer.requests.cluster import ClusterRequests
from healer.times import SECOND
from tests.integration.packs.installation import BOUNDS, InProcess
from tests.standins.cluster import ADMIN, Cluster
from tests.unit.journey.owning import Stage, staged
from tests.unit.journey.test_replicas import AFTER_DEATH, SOON, Replica


class Counted(InProcess):
    """Counts what is listed and watched."""

    asked = 0

    def get(self, url: str, **options: Any) -> Any:
        self.asked += 1
        return super().get(url, **options)


def test_who_converges_hears_and_the_next_goes_on() -> None:
    """One asks the API server, the other does not until the first is gone; what was asked for fires once, and on."""

    async def played(stage: Stage) -> None:
        cluster = Cluster(lambda: stage.clock.now() / SECOND)
        spec = {"action": "rollout_restart", "target": {"kind": "Deployment", "name": "cart"}}
        cluster.objects.create("remediations", "shop", {"metadata": {"name": "mine"}, "spec": spec})
        sessions, replicas = [], []
        for name in ("one", "other"):
            replica, session = Replica(stage, name), Counted(cluster)
            access, http = Access("", None, token=ADMIN), session
            api = Api(access, http, 10 * SECOND)  # type: ignore[arg-type]  # as much of a session as is used
            heard = ClusterRequests("", BOUNDS, access, api, http, 10 * SECOND, stage.clock)  # type: ignore[arg-type]  # the same
            replica.healer.ports = msgspec.structs.replace(replica.healer.ports, requests=[heard])
            await replica.healer.start()
            replicas.append(replica)
            sessions.append(session)
        one, other = replicas
        await asyncio.sleep(SOON)
        assert (sessions[0].asked > 0, sessions[1].asked) == (True, 0)
        assert (one.firing(), other.firing()) == (1, 1)
        await one.dies()
        await asyncio.sleep(AFTER_DEATH)
        assert (other.owner.leads, sessions[1].asked > 0, other.firing()) == (True, True, 1)
        cluster.objects.drop("remediations", "shop", "mine")
        await asyncio.sleep(SOON + 10)
        assert other.firing() == 0
        await other.healer.stop(5)

    staged(played)
