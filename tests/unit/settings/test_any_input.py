"""Whatever a file holds, the answer is settings, a topology, or a list of mistakes: never another exception."""

import contextlib
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from healer.documents.problems import DocumentError, Problem
from healer.settings import SettingsError, default_settings, parse_settings
from healer.topology.node_link import Reading
from healer.topology.sources.file import parse_topology

KEYS = [
    *(
        "server",
        "listen",
        "auth",
        "bearer",
        "tls",
        "store",
        "url",
        "topology",
        "sources",
        "file",
        "labels",
        "nodes",
        "match",
    ),
    *(
        "node",
        "find",
        "kind",
        "extract",
        "explains",
        "convergence",
        "hold",
        "default",
        "window",
        "severities",
        "for",
        "health",
    ),
    *(
        "rules",
        "paths",
        "prometheus",
        "alertmanager",
        "urls",
        "channels",
        "type",
        "token",
        "chat_id",
        "routes",
        "watchdog",
    ),
    *(
        "ping",
        "executors",
        "ssh",
        "hosts",
        "port",
        "log",
        "level",
        "id",
        "edges",
        "links",
        "children",
        "aliases",
        "source",
    ),
]
TEXTS = [
    *(
        "telegram",
        "terminal",
        "30s",
        "64MiB",
        "http://x",
        "host/{a}",
        "none",
        "never",
        'a="b"',
        'a=~"("',
        "127.0.0.1:1",
        "{",
    ),
    *("[::1]:1", "0.0.0.0:1", "http://[", "\x00", "é", "a", "lead", "critical"),
]
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(2**63)])
    | st.floats()
    | st.sampled_from(TEXTS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=150)
@given(values)
@example({"server": {"listen": "[::1"}})
def test_any_values_are_settings_or_mistakes(value: object) -> None:
    text = json.dumps(value)
    with contextlib.suppress(SettingsError):
        parse_settings(text, {}).document()


@settings(max_examples=150)
@given(st.sampled_from(sorted(json.loads(default_settings().document()))), values)
def test_any_values_below_a_part_are_settings_or_mistakes_with_a_place(part: str, value: object) -> None:
    problems: tuple[Problem, ...] | None = None
    try:
        parse_settings(f"{part}: {json.dumps(value, ensure_ascii=False)}", {}).document()
    except SettingsError as error:
        problems = error.problems
    assert problems is None or (problems and all(problem.message for problem in problems))


@given(st.binary(max_size=60))
@example(b"\xef\xbb\xbfa: 1")
@example(b"%YAML 1.1\n---\na: 1")
@example(b"- - - -\n? ? ?")
def test_any_bytes_are_a_topology_or_mistakes(raw: bytes) -> None:
    for name in ("t.yaml", "t.json"):
        with contextlib.suppress(DocumentError):
            parse_topology(raw, name)


@settings(max_examples=150)
@given(values, st.booleans())
@example([{"id": "a", "x": 10**30}], True)
def test_any_values_are_a_topology_or_faults(value: object, as_nodes: bool) -> None:
    reading = Reading()
    reading.add({"nodes": value} if as_nodes else value)
    topology = reading.finish()
    assert reading.faults or topology.encode()
