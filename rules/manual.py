"""What each word of the language means, in a sentence: for the reference, and for editors that show it.

Written beside the tables that define the words; tests hold the two together.
"""

from typing import Final

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One word: how it is written, and what it means."""

    written: str
    means: str


RULE: Final = {
    "on event": Entry('on event: "NodeDown", "KubeNode.*"', "alertnames of the root: RE2, the whole name"),
    "when": Entry(
        "when: severity >= critical AND duration > 5m", "fires only when this is true, not when it is unknown"
    ),
    "then": Entry('then: execute("restart_service", unit: "shop.service")', "steps, in order, each on one node"),
    "verify": Entry("verify: resolved AND healthy(target) stable 2m within 10m", "what must hold afterwards"),
    "after success": Entry('after success: execute("uncordon_node")', "steps once verification held"),
    "on recovery": Entry('on recovery: notify("dba")', "steps once the incident is over, where the rule acted"),
    "otherwise": Entry('otherwise: notify("oncall", escalate: yes)', "steps when the plan failed or did not help"),
    "limit": Entry("limit: 1 per 30m per node, at most 20% of siblings", "how often, and on how many at once"),
    "repeat": Entry("repeat: skip while running per node", "what happens when it would start again"),
    "approve": Entry('approve: "sre" within 10m else page', "who is asked, for how long, and who then"),
    "except": Entry('except: window("Fri 18:00 - Mon 08:00 UTC")', "conditions under which it does not start"),
    "allow": Entry("allow: unfenced, storm", "risks that this rule takes"),
    "mode": Entry("mode: suggest", "observe, suggest, approve or auto"),
    "priority": Entry("priority: 50", "the highest of several matching rules wins"),
    "runbook": Entry('runbook: "https://..."', "a link or a text for people"),
}
ACTION: Final = {
    "run": Entry('run: ssh ["/usr/bin/systemctl", "restart", "{unit}"]', "what is carried out, by which executor"),
    "fallback": Entry(
        'fallback: redfish "power_cycle"', "how else, when the way of `run:` is down and is known to have done nothing"
    ),
    "with": Entry('with: unit: string =~ "[a-z.-]+"', "parameters: type, pattern, choices or bounds, default"),
    "accepts": Entry("accepts: host, vm", "kinds of node it may act on; any without it"),
    "idempotent": Entry("idempotent: yes", "whether it may be repeated without harm"),
    "destructive": Entry("destructive: no", "whether it can hurt"),
    "changes": Entry("changes: nothing", "a diagnostic: it runs in every mode but observe"),
    "silences": Entry("silences: source", "it can end the very alert that it is meant for"),
    "closing": Entry("closing: yes", "it leaves things tidy, so it runs although the incident is over"),
    "opposing": Entry('opposing: "uncordon_node"', "what contradicts it on the same node"),
    "undo": Entry('undo: execute("uncordon_node")', "what takes it back when a later step fails"),
    "timeout": Entry("timeout: 60s", "how long it usually may take"),
    "hard timeout": Entry("hard timeout: 30m", "the longest that a rule may give it"),
    "observe": Entry(
        'observe: ssh ["/usr/bin/systemctl", "is-active", "{unit}"]', "what tells the state; it changes nothing"
    ),
    "shows": Entry("shows: service", "what kind of state that is"),
    "fence": Entry("fence: target", "how the target refuses an older holder"),
}
TEST: Final = {
    "given": Entry('given: alert "NodeDown" {node: "host/a"} from 0s to 10m', "what there is, and what happens"),
    "expect": Entry('expect: execute("reboot_node") on "host/a"', "what has to come of it"),
}
NAMES: Final = {
    "alertname": "the name of the root's alert",
    "severity": "how bad it is, from the levels of the settings",
    "status": '"firing" or "resolved"',
    "node": "the root's node; node.id, node.name, node.kind and its attributes; of a name with parts (service/shop/cart) "
    "node.base (cart) and node.namespace (shop)",
    "owner": "the node that the root's node is a part of",
    "target": "the node of the first step of `then`",
    "kind": "the kind of the root's node",
    "duration": "now less startsAt of the episode",
    "onset": "when the condition behind the alert began",
    "value": "what the alert's expression comes to now, by the Prometheus that raised it",
    "suppressed": "how many alerts the root explains",
    "siblings": "how many nodes of the same kind are below the same node, itself among them",
    "confidence": "how sure the root's name is, by this installation's record",
    "root_is": "how the root was found: direct, ranked, silent, person or unmapped",
    "burn_rate": "how fast the error budget of the alert's objective burns",
    "objective": "the objective that the alert is about",
    "change": "the repository of the newest change near the root",
    "resolved": "whether the alert's sender said that it ended",
}
PREFIXES: Final = {
    "labels": "a label of the root's alert, a string",
    "annotations": "what the alert says beside its labels",
    "topology": "the name of the nearest ancestor of this kind",
    "node": "an attribute of the root's node, or its id, name or kind",
    "change": "a label of the newest change near the root, or its sha",
}
FUNCTIONS: Final = {
    "query": Entry('query("PromQL")', "the one fresh sample that Prometheus answers"),
    "http": Entry('http("https://shop.example/health")', "the status that a URL answers with, asked afresh"),
    "state": Entry('state("restart_service", unit: "shop.service") == "active"', "what the action's `observe:` shows"),
    "exit_code": Entry('exit_code("check_shop", on: node) == 0', "how a command that changes nothing ends there"),
    "count": Entry("count(list)", "how many there are"),
    "rate": Entry("rate(x, 5m)", "how fast a metric or query grows, in a second"),
    "forecast": Entry("forecast(x, 4h, 1h)", "what it will be in four hours, going by the last hour"),
    "ancestors": Entry("ancestors(rack)", "the ids of the nodes above, of one kind or of any"),
    "descendants": Entry("descendants(host)", "the ids of the nodes below, of one kind or of any"),
    "alerting": Entry("alerting(node)", "whether an alert fires there; of a list, those on which one does"),
    "changed_within": Entry("changed_within(30m)", "whether the newest change near the root is at most so old"),
    "is_ancestor": Entry("is_ancestor(above, below)", "whether a fault of the one reaches the other"),
    "healthy": Entry("healthy(node)", "what the health query of its kind says, or its object's status, asked afresh"),
    "known": Entry("known(x)", "whether x has a value; never unknown itself"),
    "number": Entry("number(labels.x)", "a string as a number"),
    "host": Entry("host(labels.instance)", "the host of an address: without scheme, port and path"),
    "lower": Entry("lower(labels.x)", "a string in small letters"),
    "nearest": Entry("nearest(rack)", "the nearest node of this kind at or above the root's"),
    "find": Entry("find(kind: host, alias: labels.x)", "the one node with these attributes"),
    "window": Entry('window("Fri 18:00 - Mon 08:00 Asia/Shanghai")', "whether this time of the week is now"),
    "calendar": Entry('calendar("cn-freeze")', "whether that calendar has an entry now"),
}
OPERATORS: Final = (
    Entry('labels.env ?? "prod"', "the right side where the left one is unknown"),
    Entry("a * b, a / b", "numbers, and units times or by numbers"),
    Entry("a + b, a - b", "of one unit; a time and a duration"),
    Entry("== != < <= > >=", "of one type; unknown where a side is"),
    Entry('a =~ "x.*", a !~ "x.*"', "RE2, the whole string"),
    Entry('a in ["x", "y"]', "one of these"),
    Entry("X for 5m", "held throughout"),
    Entry("NOT X", "unknown stays unknown"),
    Entry("X AND Y", "false where one is, else unknown where one is"),
    Entry("X OR Y", "true where one is, else unknown where one is"),
)
"""Tightest first."""
TYPES: Final = {
    "number": "3, 0.5",
    "percentage": "95% is 0.95",
    "duration": "30s, 1h30m: w d h m s ms, from large to small, each once",
    "bytes": "2GiB, 500MB",
    "string": '"text"',
    "boolean": "yes, no, true, false",
    "severity": "info < warning < error < critical, or as the settings have them",
    "timestamp": "onset, and what a metric of this type answers",
    "kind": "host, pod, rack, ...",
    "node": "node, owner, nearest(rack)",
    "list": 'ancestors(rack); ["a", "b"] after `in`',
}
