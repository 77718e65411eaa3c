"""What must hold after all those faults, by the records of everybody but healer, and by its store read past it."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from healer.audit.chain import Entry, Head
from healer.audit.verify import Kept, verify
from healer.remediation.model import Intent, Remediation
from healer.times import SECOND, Micros
from tests.integration.chaos.deeds import Deed, in_cluster, on_machine, place
from tests.integration.chaos.past import Noted, Past, Records
from tests.integration.chaos.replica import Replica
from tests.integration.chaos.site import Happened, Site
from tests.integration.kill.promises import incident_of, is_call
from tests.integration.kill.records import delivered
from tests.servers.process import get

_STATE = re.compile(r"^\[\w+ ([a-z ]+)\]")
_ENDED = ("healed", "over")
LATE: Micros = 5 * SECOND
"""So long after a fault what it held up may still land."""


def kept(site: Site) -> int:
    """A1: every alert that got a 2xx is in the journal, which has no gap. Returns how many there were."""
    rows = site.sql("SELECT position, data FROM journal ORDER BY position")
    assert [position for position, _ in rows] == list(range(1, len(rows) + 1)), "the journal has a gap"
    journal = set(delivered(bytes(data) for _, data in rows))
    lost = [labels for labels in site.sender.acknowledged if frozenset(labels.items()) not in journal]
    assert not lost, f"{len(lost)} of {len(site.sender.acknowledged)} acknowledged alerts are lost: {lost[:3]}"
    return len(site.sender.acknowledged)


def known(site: Site) -> None:
    """Both healers know what fires, and have folded every step to what was decided first."""
    firing = {one["service"] for one in site.sender.acknowledged if one["alertname"] in ("Load", "Lasting")}
    for replica in site.replicas.values():
        site.until(partial(_knows, replica, len(firing)), f"{replica.name} knows what fires", 30)
        metrics = get(f"{replica.url}/metrics").decode()
        (mismatches,) = re.findall(r"^healer_replay_mismatches_total (\S+)$", metrics, re.MULTILINE)
        assert float(mismatches) == 0, f"{replica.name} decided {mismatches} steps otherwise"


def _knows(replica: Replica, firing: int) -> bool:
    total: int = replica.api("alerts?limit=0")["total"]
    return total >= firing


def acted(site: Site) -> tuple[Past, Sequence[Deed]]:
    """E1 to E5: by the machine's and the cluster's records, and the audit log, before the simulation's checkers."""
    deeds = [*on_machine(site.host.folder), *in_cluster(site.cluster.writes())]
    records = _records(site, deeds)
    past = Past(records, site.sender.was_well)
    past.replay()
    assert not past.court.accusations, past.court.accusations[:5]
    unsettled = [one.id for one in records.intents.values() if not one.outcome]
    assert not unsettled, f"nobody knows what became of {unsettled}"
    done = Counter(one.intent for one in deeds)
    for intent in records.intents.values():
        most = 1 if intent.outcome == "succeeded" or intent.executor == "kubernetes" else 0
        least = int(intent.outcome == "succeeded")
        assert least <= done[intent.id] <= most, f"{intent.id} is {intent.outcome} ({intent.why}): {done[intent.id]}"
    return past, deeds


def chained(site: Site) -> int:
    """Each entry of the audit log holds on to the one before it. Returns how many there are."""
    columns = "number, writer, place, at, kind, detail, incident, digest"
    entries = [Entry(*row) for row in site.sql(f"SELECT {columns} FROM audit ORDER BY number")]
    heads = [Head(*row) for row in site.sql("SELECT writer, place, digest FROM audit_head")]
    verdict = verify(entries, Kept("", heads))
    assert verdict.good, verdict.findings[:3]
    return verdict.entries


def told_right(site: Site) -> int:
    """A5: what people can read of each incident at the end is what it is. Returns of how many they were told."""
    incidents = {one.id: one for one in site.incidents("open", "resolved")}
    shown = {str(one["message_id"]): one["text"] for one in site.chat.messages()}
    rows = site.sql("SELECT incident, message_id, state FROM told WHERE matter = ''")
    for id, message, state in rows:
        if id not in incidents:
            continue
        assert state == "told", f"incident {id} is {state}"
        text = _shown(shown, message)
        state = _STATE.match(text)
        assert state, text
        says_so = (state[1] in _ENDED) == (incidents[id].status == "resolved")
        assert says_so, f"incident {id} is {incidents[id].status}, and people read: {text}"
    open_ones = {one.id for one in incidents.values() if one.status == "open" and one.severity == "critical"}
    untold = open_ones - {id for id, _, _ in rows}
    assert not untold, f"nobody was told of {untold}"
    return len(rows)


def told_once(site: Site) -> tuple[int, int]:
    """A4: nothing comes twice but what was in the air when its sender died, stood still, or lost its chat.

    Returns how many messages there were, and how many of those came twice.
    """
    sent: defaultdict[str, list[Micros]] = defaultdict(list)
    for request in site.chat.requests("sendMessage"):
        incident = incident_of(request)
        sent[f"the call for {incident}" if is_call(request) else incident].append(round(request["time"] * SECOND))
    return sum(map(len, sent.values())), twice(sent, site.happened)


def twice(sent: Mapping[str, Sequence[Micros]], happened: Sequence[Happened]) -> int:
    """How many messages came again. Raises AssertionError for one that no fault excuses."""
    again = 0
    for message, times in sent.items():
        for first, second in itertools.pairwise(times):
            again += 1
            excused = any(_excuses(one, first, second) for one in happened)
            apart = (second - first) / SECOND
            assert excused, f"{message} was told twice, {apart:.1f} s apart, and nothing failed"
    return again


def _excuses(happened: Happened, first: Micros, second: Micros) -> bool:
    """Whether it may have kept a send's answer from its sender, or from the ledger."""
    fault = happened.fault
    of_the_chat = fault.kind == "hole" and fault.where in ("chat", "everything")
    if fault.kind not in ("kill", "stop") and not of_the_chat:
        return False
    return happened.began_at <= second and first <= happened.ended_at + LATE


def _records(site: Site, deeds: Sequence[Deed]) -> Records:
    audit = site.sql("SELECT at, kind, detail FROM audit ORDER BY number")
    remediations = [
        msgspec.msgpack.decode(data, type=Remediation) for (data,) in site.sql("SELECT data FROM remediation")
    ]
    intents = [msgspec.msgpack.decode(data, type=Intent) for (data,) in site.sql("SELECT data FROM intent")]
    accepted = [(one.at, f"workload/shop/{one.path.rpartition('/')[2]}", *place(one)) for one in site.cluster.writes()]
    return Records(
        [Noted(at, kind, msgspec.json.decode(detail)) for at, kind, detail in audit],
        {one.id: one for one in remediations},
        {one.id: one for one in intents},
        deeds,
        accepted,
    )


def _shown(shown: dict[str, str], message: str) -> str:
    """What people read where the ledger says that it was told."""
    number = message.rpartition("/")[2]
    assert number in shown, f"there is no message {message}"
    return shown[number]
