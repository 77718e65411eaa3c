"""Where an alert sits, and why: what `healer.topology.mapping` answers, in codes that are put into words when asked. Pure."""

from typing import Literal

import msgspec

from healer.topology.graph import MAX_ID

Code = Literal[
    "template", "listed", "found", "instead", "node label", "labels source",
    "none", "no label", "not extracted", "unknown", "ambiguous", "too long", "no line",
]  # fmt: skip


class Mapped(msgspec.Struct, frozen=True):
    """Where an alert sits, and why.

    `line` counts the lines of `topology.nodes` from 0; None when none matched. `known`: the topology has the node.
    `explains`: this alert may explain others. `code` and `detail` are put into words by `why`, after the line's name `by`.
    """

    node: str | None
    line: int | None
    code: Code
    detail: str = ""
    known: bool = False
    explains: bool = True
    by: str = ""

    @property
    def why(self) -> str:
        """The reason in words."""
        told = _WORDS[self.code].format(detail=self.detail, node=self.node)
        return f"{self.by}: {told}" if self.by else told


_WORDS: dict[Code, str] = {
    "template": "{detail} gives {node}",
    "listed": "{detail} gives {node}, the first that exists",
    "found": "{node} is the one node with {detail}",
    "instead": "the topology has no node with {detail}, so it is {node}",
    "node label": "no line matched; the label node is the id of a node",
    "labels source": "no line matched; {node} is the innermost label of the labels source",
    "none": "these alerts sit on no node",
    "no label": "the alert has no label {detail}",
    "not extracted": "the label {detail} does not match its expression",
    "unknown": "the topology has no node {detail}",
    "ambiguous": "more than one node has {detail}",
    "too long": "the id would have more than " + str(MAX_ID) + " characters",
    "no line": "no line of topology.nodes matched, and the label node is not the id of a node",
}
