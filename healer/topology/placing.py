"""What one line of `topology.nodes` makes of an alert's labels, given the nodes that there are. Pure.

`healer.topology.mapping` has found the line; here its expressions, `find` and templates are followed.
"""

from collections.abc import Mapping

import msgspec

from healer.topology.graph import MAX_ID
from healer.topology.index import Index
from healer.topology.lines import Line, extracted
from healer.topology.mapped import Code, Mapped
from healer.topology.template import Template


class Placing:
    """Follows lines over an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def by_line(self, line: Line, labels: Mapping[str, str]) -> Mapped:
        """What a line that matches makes of the labels; whether the alert explains others is not looked at."""
        if line.extract:
            read = extracted(line, labels)
            if isinstance(read, str):
                return Mapped(None, line.number, "not extracted", read)
            labels = read
        looked_for = []
        for wanted in line.find:
            found = self._found(wanted, labels, line.number)
            if found.code in ("found", "ambiguous"):
                return found
            looked_for.append(found)
        if line.templates:
            found = self._made(line, labels)
            if line.find and found.code == "template":
                tried = [one.detail for one in looked_for if one.code == "unknown"]
                return msgspec.structs.replace(found, code="instead", detail=" or ".join(tried) or found.detail)
            return found
        if not line.find:
            return Mapped(None, line.number, "none")
        tried = [one.detail for one in looked_for if one.code == "unknown"]
        if not tried:
            return looked_for[0]
        return Mapped(None, line.number, "unknown", "with " + " or ".join(tried))

    def _made(self, line: Line, labels: Mapping[str, str]) -> Mapped:
        """By the line's templates."""
        number = line.number
        if not line.listed:
            template = line.templates[0]
            node = template.render(labels, self._owner)
            if node is None:
                return Mapped(None, number, "no label", template.missing(labels))
            return self.named(node, number, "template", template.text)
        tried = []
        for template in line.templates:
            node = template.render(labels, self._owner)
            if node is not None:
                if node in self._index:
                    return Mapped(node, number, "listed", template.text, known=True)
                tried.append(node)
        if not tried:
            return Mapped(None, number, "no label", line.templates[0].missing(labels))
        return Mapped(None, number, "unknown", " or ".join(tried))

    def named(self, node: str, number: int | None, code: Code, detail: str) -> Mapped:
        """A node that labels name, whether the topology has it or not."""
        if node in self._index:
            return Mapped(node, number, code, detail, known=True)
        if len(node) > MAX_ID:
            return Mapped(None, number, "too long")
        return Mapped(node, number, code, detail)

    def _found(self, wanted: tuple[tuple[str, Template], ...], labels: Mapping[str, str], number: int) -> Mapped:
        """The one node that has all that is wanted."""
        index = self._index
        said = []
        nodes: set[int] | None = None
        kind = ""
        for key, template in wanted:
            value = template.render(labels, self._owner)
            if value is None:
                return Mapped(None, number, "no label", template.missing(labels))
            said.append(f"{key}={value}")
            if key == "kind":
                kind = value
                continue
            found = set(index.by_alias(value) if key == "alias" else index.by_attribute(key, value))
            nodes = found if nodes is None else nodes & found
        hits = [node for node in nodes or () if index.name(node) in index and (not kind or index.kind(node) == kind)]
        detail = ", ".join(said)
        if len(hits) == 1:
            return Mapped(index.name(hits[0]), number, "found", detail, known=True)
        return Mapped(None, number, "ambiguous" if hits else "unknown", detail)

    def _owner(self, namespace: str, pod: str) -> str:
        """The name of the one workload beside this pod in the topology; what only alerts say does not count."""
        index = self._index
        name = f"pod/{namespace}/{pod}"
        if not namespace or name not in index:
            return ""
        node = index.id(name)
        beside = [*index.declared_parents(node), *index.declared_children(node)]
        workloads = {index.name(one) for one in beside if index.kind(one) == "workload"}
        return workloads.pop().rpartition("/")[2] if len(workloads) == 1 else ""
