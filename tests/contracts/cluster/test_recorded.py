"""The stand-in for a Kubernetes API server against what a real one was seen to answer, exchange by exchange.

Recorded from kube-apiserver 1.36.2; who changed what when (managedFields) is left out. Before each exchange the stand-in is
given the objects as the recording last showed them.
"""

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.standins.cluster import ADMIN, Cluster
from tests.standins.cluster.objects import RESOURCES, Json, Refusal

FOLDER = Path(__file__).parent / "recorded"
RECORDED = [
    pytest.param(file, number, id=f"{file.stem}: {exchange['note']}")
    for file in sorted(FOLDER.glob("*.json"))
    for number, exchange in enumerate(json.loads(file.read_text("utf-8"))["exchanges"])
]
USERS = {"admin": f"Bearer {ADMIN}", "remedy": "Bearer remedy", "wrong": "Bearer nobody", "anonymous": ""}
REMEDY = {("get", "apps", "deployments"), ("patch", "apps", "deployments"), ("create", "", "pods/eviction")}
_KINDS = {resource.kind: name for name, resource in RESOURCES.items()}
_VARIES = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d+\b|\b[a-z0-9]{5}\b|Invalid value: \".*", re.DOTALL)


def told(cluster: Cluster, request: Json) -> tuple[int, Json]:
    """What the stand-in answers to a recorded request."""
    to = urlsplit(request["path"])
    try:
        return cluster.answer(
            request["method"],
            to.path,
            dict(parse_qsl(to.query)),
            copy.deepcopy(request.get("body")),
            USERS[request["as"]],
            request.get("content_type", ""),
        )
    except Refusal as refusal:
        return refusal.code, refusal.body


def seed(cluster: Cluster, exchanges: list[Json], upto: int) -> None:
    """The objects as the recording last showed them before an exchange; what only shows later was there as it then is."""
    later = [one["response"]["body"] for one in reversed(exchanges[upto + 1 :])]
    earlier = [one["response"]["body"] for one in exchanges[:upto]]
    if exchanges[upto]["request"]["method"] != "POST":
        later = [*later, exchanges[upto]["response"]["body"]] if upto == 0 or not _shown(earlier) else later
    for body in (*later, *earlier):
        for found in _objects(body):
            kind = found.get("kind") or body["kind"].removesuffix("List")
            made = {"kind": kind, "apiVersion": body["apiVersion"], **copy.deepcopy(found)}
            made["metadata"].pop("deletionTimestamp", None)
            cluster.objects.write(_KINDS[kind], made)
    make_room(cluster, exchanges[upto])


def make_room(cluster: Cluster, exchange: Json) -> None:
    """What was done between two exchanges and not recorded."""
    request, worked = exchange["request"], exchange["response"]["status"] < 300
    if worked and request["method"] == "POST":
        for resource, namespace, name in list(cluster.objects.known):
            taken = resource == "poddisruptionbudgets" or request["path"].endswith(f"/{resource}")
            if taken:
                cluster.objects.drop(resource, namespace, name)
    if worked and isinstance(request.get("body"), list):
        (version,) = (one["value"] for one in request["body"] if one["op"] == "test")
        namespace, resource, name = request["path"].split("/")[-3:]
        cluster.objects.known[resource, namespace, name]["metadata"]["resourceVersion"] = version


def _objects(body: Any) -> list[Json]:
    if not isinstance(body, dict):
        return []
    found = body.get("items", [body])
    kind = body.get("kind", "").removesuffix("List")
    return [one for one in found if kind in _KINDS and one.get("metadata", {}).get("uid")]


def _shown(bodies: list[Any]) -> bool:
    return any(_objects(body) for body in bodies)


@pytest.mark.parametrize(("file", "number"), RECORDED)
async def test_answers_as_the_real_one_did(file: Path, number: int) -> None:
    """Status, kind and reason are the same, and the message is, but for names, versions and ids that vary."""
    exchanges = json.loads(file.read_text("utf-8"))["exchanges"]
    request, wanted = exchanges[number]["request"], exchanges[number]["response"]
    cluster = Cluster()
    cluster.may["remedy"] = REMEDY
    seed(cluster, exchanges, number)
    status, body = told(cluster, request)

    assert status == wanted["status"], body
    for key in ("kind", "apiVersion", "reason", "code"):
        assert body.get(key) == wanted["body"].get(key), key
    assert _VARIES.sub("#", body.get("message", "")) == _VARIES.sub("#", wanted["body"].get("message", ""))
    if "details" in wanted["body"] and status != 200:
        assert set(body.get("details", {})) == set(wanted["body"]["details"])
