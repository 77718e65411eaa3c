"""What stands beside an object in `kubectl describe`: what healer did to it, as events of events.k8s.io/v1.

Told by the executor once an effect has an outcome, by whoever saw it. An event has the name of its intent, so there is one for
each however often it is told; none that cannot be written keeps a remediation waiting, or fails it.
"""

import hashlib
import logging
from datetime import UTC, datetime

from healer.executors.kubernetes.api import Api, Denied, Json, Lost, Unsent
from healer.executors.target import Order, Result
from healer.seams import Spawn
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

CONTROLLER = "healer/executor"
NOTE_BYTES = 1024
"""Of an event's note, by its schema."""
MAX_NAME = 200
"""Characters of the object's name in its event's."""
AT_ONCE = 16
"""Events under way; what comes on top is left out, and logged."""
_OF_THE_CLUSTER = "default"
"""Where events about objects without a namespace are kept."""


class Events:
    """Writes them, beside everything else."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._under_way = 0
        self._refused: set[str] = set()

    def tell(self, api: Api, found: Json, order: Order, result: Result, now: Micros) -> None:
        """An effect on an object had this outcome; what had none is not told."""
        if not result.started or result.outcome not in ("succeeded", "failed"):
            return
        if self._under_way >= AT_ONCE:
            log.warning("no event about %s: %d others are under way", order.target, self._under_way)
            return
        self._under_way += 1
        self._spawn.start(f"event of {order.intent}", self._write(api, event_of(found, order, result, now)))

    async def _write(self, api: Api, event: Json) -> None:
        namespace = event["metadata"]["namespace"]
        try:
            await api.post(f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", event)
            self._refused.discard(namespace)
        except Denied as error:
            # Seen by another before us: the same event.
            if error.reason != "AlreadyExists" and namespace not in self._refused:
                self._refused.add(namespace)
                hint = "; `healer rbac` prints the role that it takes" if error.status == 403 else ""
                log.warning("no event in %s: %s%s", namespace, error, hint)
        except (Unsent, Lost) as error:
            log.info("no event in %s: %s", namespace, error)
        finally:
            self._under_way -= 1


def event_of(found: Json, order: Order, result: Result, now: Micros) -> Json:
    """The event about an effect. Pure."""
    meta, call = found["metadata"], order.argv[0]
    namespace = str(meta.get("namespace") or "")
    said = result.why if result.outcome == "failed" else result.output
    traced = f" (trace {order.trace_id})" if order.trace_id else ""
    regarding = {key: str(found.get(key, "")) for key in ("apiVersion", "kind")}
    regarding |= {"name": str(meta["name"]), "uid": str(meta["uid"])} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{str(meta['name'])[:MAX_NAME].rstrip('.-')}.{_digest(order.intent)}",
            "namespace": namespace or _OF_THE_CLUSTER,
        },
        "eventTime": datetime.fromtimestamp(now / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": "healer",
        "action": call,
        "reason": "Repaired" if result.outcome == "succeeded" else "RepairFailed",
        "type": "Normal" if result.outcome == "succeeded" else "Warning",
        "regarding": regarding,
        "note": _cut(f"healer {call}: {said or result.outcome}{traced}"),
    }


def _digest(intent: str) -> str:
    return hashlib.blake2b(intent.encode(), digest_size=8).hexdigest()


def _cut(note: str) -> str:
    return note.encode()[:NOTE_BYTES].decode(errors="ignore")
