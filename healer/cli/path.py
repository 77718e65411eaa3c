"""`healer topology path A B`: how a fault of A reaches B, which source says each edge, and when it last said so."""

import difflib
from itertools import pairwise

from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.graph import Seen
from healer.cli.output import Output
from healer.topology.index import Index

COMPARED = 10_000
"""Nodes among which the one that was meant is looked for."""


def run(output: Output, seen: Seen, cause: str, symptom: str, *, as_json: bool) -> int:
    index = Index(seen.topology)
    for name in (cause, symptom):
        if name not in index:
            near = difflib.get_close_matches(name, [node.id for node in seen.topology.nodes[:COMPARED]], 1)
            hint = f"did you mean {near[0]}?" if near else "`healer topology show` tells which kinds there are"
            raise Failure(f"no node has the id {name!r}; {hint}", CALLED_WRONG)
    nodes = [index.name(node) for node in index.path(index.id(cause), index.id(symptom))]
    edges = list(pairwise(nodes))
    if as_json:
        told = [
            {"parent": parent, "child": child, "sources": list(seen.said.get((parent, child), ()))}
            for parent, child in edges
        ]
        output.json({"path": nodes, "hops": max(len(nodes) - 1, 0), "edges": told, "sources": seen.confirmed})
        return 0 if nodes else FOUND_WRONG
    if not nodes:
        back = index.path(index.id(symptom), index.id(cause))
        hint = f"; but one of {symptom} reaches {cause}" if back else ""
        output.line(f"no path: a fault of {cause} does not reach {symptom}{hint}")
        return FOUND_WRONG
    output.line(" -> ".join(nodes))
    if edges:
        output.line()
        rows = [_row(seen, parent, child) for parent, child in edges]
        output.table(("EDGE", "SAID BY", "CONFIRMED"), rows, empty="")
    return 0


def _row(seen: Seen, parent: str, child: str) -> tuple[str, str, str]:
    sources = seen.said.get((parent, child), ())
    confirmed = [when for name in sources if (when := seen.confirmed.get(name))]
    said = ", ".join(sources) or "nobody any more: it left lately"
    return f"{parent} -> {child}", said, max(confirmed, default="")
