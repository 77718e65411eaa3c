"""Sources of the configuration, asked by a whole service: a cluster and a CMDB become one graph."""

import json
from pathlib import Path

from aiohttp import web

from tests.integration.web.test_topology import serving, settings, until
from tests.standins.kubernetes import TOKEN, KubernetesStandin

MORE = """
    - {kubernetes: {kubeconfig: kubeconfig}}
    - {name: cmdb, http: {url: "%s", every: 1s}}
"""


async def test_a_cluster_and_a_cmdb_are_one_graph(tmp_path: Path) -> None:
    """What they know of one host joins; each edge says who says it."""
    graph = {"nodes": ["rack/r1", "host/web-1"], "edges": [["rack/r1", "host/web-1"]]}

    async def give(_: web.Request) -> web.Response:
        return web.json_response(graph)

    app = web.Application()
    app.router.add_get("/", give)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with KubernetesStandin() as cluster:
        await cluster.put("pods", "cart-0", "shop", spec={"nodeName": "web-1"})
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with serving(settings(tmp_path, MORE % url)) as client:
            await until(client, "rack/r1")
            found = await until(client, "pod/shop/cart-0")
            edges = {(edge["source"], edge["target"]): edge["sources"] for edge in found["edges"]}
            assert edges["rack/r1", "host/web-1"] == ["cmdb"]
            assert edges["host/web-1", "pod/shop/cart-0"] == ["kubernetes"]
            assert set(found["graph"]["sources"]) == {"file", "kubernetes", "cmdb"}
    await runner.cleanup()
