"""The topology over HTTP: what was put is what is shown, merged, with its sources, and kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import networkx as nx
import pytest

from healer.bootstrap import read_plan, start
from healer.settings import parse_settings
from healer.settings.model import Settings

TOPOLOGY = "nodes: [{id: rack/r, children: [{id: host/a, address: 10.0.0.1}]}]\n"


def settings(folder: Path, more: str = "") -> Settings:
    """A healer of its own in this folder."""
    (folder / "topology.yaml").write_text(TOPOLOGY)
    text = f"""
server: {{listen: "127.0.0.1:0"}}
store: {{url: "sqlite:///data/healer.db"}}
topology:
  sources:
    - {{file: topology.yaml}}
{more}
"""
    return parse_settings(text, {}, str(folder / "healer.yaml"))


@asynccontextmanager
async def serving(wanted: Settings) -> AsyncIterator[aiohttp.ClientSession]:
    """A healer that serves, and a client whose relative URLs go there."""
    async with AsyncExitStack() as stack:
        healer, listener = await start(wanted, read_plan(wanted), stack)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as client:
            yield client
        await healer.stop(5)


async def whole(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/v1/topology") as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


async def until(client: aiohttp.ClientSession, node: str, *, there: bool = True) -> dict[str, Any]:
    """The topology once it has a node: changes are applied once a second."""
    async with asyncio.timeout(10):
        while True:
            found = await whole(client)
            if any(one["id"] == node for one in found["nodes"]) == there:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("edges", ["edges", "links"])
async def test_what_networkx_writes_is_taken_and_given_back(tmp_path: Path, edges: str) -> None:
    """node_link_data goes in, and what comes out is read by node_link_graph; provenance stands beside it."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("host/a", room="12", units=2)
    graph.add_edge("host/a", "service/shop")
    async with serving(settings(tmp_path)) as client:
        async with client.put("/api/v1/topology", json=nx.node_link_data(graph, edges=edges)) as response:
            assert response.status == 200
            put = await response.json()
            assert (put["name"], put["state"], put["nodes"], put["edges"]) == ("put", "good", 2, 1)
        found = await until(client, "service/shop")
        shown = {node["id"]: node for node in found["nodes"]}
        assert shown["host/a"] == {
            "id": "host/a", "sources": ["file", "put"], "address": "10.0.0.1", "room": "12", "units": 2,
        }  # fmt: skip
        assert {(edge["source"], edge["target"]): edge["sources"] for edge in found["edges"]} == {
            ("rack/r", "host/a"): ["file"],
            ("host/a", "service/shop"): ["put"],
        }
        assert set(found["graph"]["sources"]) == {"file", "put"}
        again = nx.node_link_graph(found, edges="edges")
        assert set(again.edges) == {("rack/r", "host/a"), ("host/a", "service/shop")}
        async with client.put("/api/v1/topology", json=found) as response:
            assert response.status == 200, "what was given out can be put as it is"


async def test_a_put_is_there_after_a_restart_and_the_next_replaces_it(tmp_path: Path) -> None:
    """What it brought stays for `window + settle` without a source, as with every node that left."""
    wanted = settings(tmp_path)
    async with serving(wanted) as client, client.put("/api/v1/topology", json={"nodes": ["host/b"]}) as response:
        assert response.status == 200
    async with serving(wanted) as client:
        await until(client, "host/b")
        async with client.put("/api/v1/topology", json={"nodes": ["host/c"]}) as response:
            assert response.status == 200
        found = await until(client, "host/c")
        assert {node["id"]: node["sources"] for node in found["nodes"]} == {
            "rack/r": ["file"], "host/a": ["file"], "host/b": [], "host/c": ["put"],
        }  # fmt: skip


async def test_what_cannot_be_read_is_told_by_its_place(tmp_path: Path) -> None:
    """400 with a JSON pointer for each mistake, and nothing changes."""
    async with serving(settings(tmp_path)) as client:
        before = await until(client, "host/a")
        bad = {"nodes": [{"id": "a"}, {"id": 4.5}], "edges": [["a", "nowhere"]]}
        async with client.put("/api/v1/topology", json=bad) as response:
            assert response.status == 400
            problem = await response.json()
        assert [error["pointer"] for error in problem["errors"]] == ["/nodes/1/id", "/edges/0"]
        async with client.put("/api/v1/topology", data=b"{") as response:
            assert response.status == 400
        assert (await whole(client))["nodes"] == before["nodes"]


async def test_a_graph_that_shrank_is_refused_until_somebody_says_so(tmp_path: Path) -> None:
    """409, the graph stays; the sources say why; `force`, or accepting it, makes it count."""
    async with serving(settings(tmp_path)) as client:
        for count, status in ((40, 200), (5, 409)):
            nodes = [f"host/h{number}" for number in range(count)]
            async with client.put("/api/v1/topology", json={"nodes": nodes}) as response:
                assert response.status == status
        async with client.get("/api/v1/topology/sources") as response:
            items = {item["name"]: item for item in (await response.json())["items"]}
        assert (items["put"]["state"], items["put"]["nodes"]) == ("refused", 40)
        assert "35 of 40 nodes" in items["put"]["why"]
        assert items["file"]["state"] == "good"
        assert items["file"]["confirmed_at"]
        async with client.post("/api/v1/topology/sources/put/accept") as response:
            assert (await response.json())["nodes"] == 5
        async with client.post("/api/v1/topology/sources/put/accept") as response:
            assert response.status == 409
        async with client.post("/api/v1/topology/sources/nobody/accept") as response:
            assert response.status == 404
        async with client.put("/api/v1/topology?force=true", json={"nodes": []}) as response:
            assert response.status == 200


async def test_who_disagrees_is_listed(tmp_path: Path) -> None:
    """Of two sources the first in the configuration is believed, and what was put is believed last."""
    async with serving(settings(tmp_path)) as client:
        nodes = [{"id": "host/a", "address": "10.9.9.9"}, "host/z"]
        async with client.put("/api/v1/topology", json={"nodes": nodes}) as response:
            assert response.status == 200
        found = await until(client, "host/z")
        assert next(node["address"] for node in found["nodes"] if node["id"] == "host/a") == "10.0.0.1"
        async with client.get("/api/v1/topology/sources") as response:
            said = await response.json()
        assert said["conflict_count"] == 1
        assert said["conflicts"] == [
            {
                "node": "host/a", "key": "address", "source": "file", "value": "10.0.0.1",
                "other": "put", "instead_of": "10.9.9.9",
            }
        ]  # fmt: skip


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """Without a restart; a file with a mistake is told of, and what it said last stays."""
    async with serving(settings(tmp_path)) as client:
        (tmp_path / "topology.yaml").write_text(TOPOLOGY + "edges: [[host/a, nowhere]]\n")

        async def state() -> dict[str, Any]:
            async with client.get("/api/v1/topology/sources") as response:
                item: dict[str, Any] = (await response.json())["items"][0]
                return item

        async with asyncio.timeout(15):
            while (await state())["state"] != "failing":
                await asyncio.sleep(0.1)
        assert "topology.yaml:2" in (await state())["why"]
        (tmp_path / "topology.yaml").write_text(TOPOLOGY.replace("host/a,", "host/new,"))
        await until(client, "host/new")
        assert (await state())["state"] == "good"
