"""The three ways to patch an object, and what a server refuses of them."""

import copy
import json
from typing import Any

from tests.standins.cluster.objects import RESOURCES, Json, Refusal

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
OPERATIONS = "application/json-patch+json"
_BY_NAME = ("containers", "initContainers", "volumes", "env")
_SPEC = {
    "deployments": {
        "minReadySeconds",
        "paused",
        "progressDeadlineSeconds",
        "replicas",
        "revisionHistoryLimit",
        "selector",
        "strategy",
        "template",
    }
}
"""Fields that a spec may have, where the server is asked to be strict."""


def patched(found: Json, kind: str, said: Any) -> Json:
    """What a patch makes of an object. Raises Refusal."""
    if kind == OPERATIONS:
        return _operated(found, said)
    if kind not in (MERGE, STRATEGIC):
        raise Refusal(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {kind}")
    merged: Json = _merged(copy.deepcopy(found), said, by_name=kind == STRATEGIC)
    return merged


def checked(resource: str, now: Json, *, strict: bool) -> None:
    """Raises Refusal for what the server's schema or validation forbids."""
    spec = now.get("spec") or {}
    replicas = spec.get("replicas", 1)
    unknown = set(spec) - _SPEC.get(resource, set(spec))
    if not isinstance(replicas, int) or (strict and unknown):
        why = f"Invalid value: {json.dumps(json.dumps(now))}"
        details: Json = {"causes": [{"reason": "FieldValueInvalid", "message": why, "field": "patch"}]}
        raise Refusal(422, "Invalid", f' "" is invalid: patch: {why}', details)
    for field in unknown:
        del spec[field]
    if replicas < 0:
        kind, name = RESOURCES[resource], now["metadata"]["name"]
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        causes = [{"reason": "FieldValueInvalid", "message": why, "field": "spec.replicas"}]
        named = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        details = {"name": name, "group": kind.group, "kind": kind.kind, "causes": causes}
        raise Refusal(422, "Invalid", f'{named} "{name}" is invalid: spec.replicas: {why}', details)


def _merged(into: Any, said: Any, *, by_name: bool) -> Any:
    if not isinstance(said, dict):
        return said
    if by_name and said.get("$patch") == "replace":
        return {key: value for key, value in said.items() if key != "$patch"}
    found: Json = dict(into) if isinstance(into, dict) else {}
    for key, value in said.items():
        if value is None:
            found.pop(key, None)
        elif by_name and key in _BY_NAME and isinstance(value, list):
            old = {one["name"]: one for one in found.get(key) or ()}
            changed = {one["name"]: _merged(old.get(one["name"]), one, by_name=True) for one in value}
            found[key] = list((old | changed).values())
        else:
            found[key] = _merged(found.get(key), value, by_name=by_name)
    return found


def _operated(found: Json, operations: list[Json]) -> Json:
    changed = copy.deepcopy(found)
    for one in operations:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        at: Any = changed
        for part in path:
            at = at[int(part)] if isinstance(at, list) else at.get(part)
            if at is None:
                raise _failed()
        if one["op"] == "test":
            if at.get(last) != one["value"]:
                raise _failed()
        elif one["op"] == "remove":
            at.pop(last)
        elif one["op"] in ("add", "replace"):
            if one["op"] == "replace" and last not in at:
                raise _failed()
            at[last] = copy.deepcopy(one["value"])
        else:
            raise _failed()
    return changed


def _failed() -> Refusal:
    return Refusal(422, "Invalid", "the server rejected our request due to an error in our request", {})
