"""What is to be tried in place of what was: single settings, another topology, or a whole charter. Pure.

Called by `healer replay`; `healer.rehearsal.what_if` folds under it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from healer.convergence.settings import Convergence
from healer.documents.convert import convert
from healer.documents.document import Document, parse_document
from healer.documents.problems import DocumentError
from healer.journey.charter import Charter, Deciding, RuleText, charter, documents
from healer.journey.records import Adopted
from healer.remediation.abilities import LACKS
from healer.topology.graph import Topology
from rules import RuleSet, Source, compile_files, format_problem

ROOM = "convergence"


class Wrong(ValueError):
    """A setting that cannot be tried, and what to write instead."""


Override = Callable[[Convergence], Convergence]


Change = Callable[[Charter], Charter]


def under(deciding: Deciding, topology: Topology, rules: tuple[RuleText, ...]) -> Change:
    """Everything that decides as another configuration has it. Raises Wrong where its rules do not compile."""
    adopted = Adopted("otherwise", "otherwise", "otherwise")
    try:
        other = charter(adopted, documents(deciding, topology, rules))
    except ValueError as error:
        raise Wrong(str(error)) from None

    def otherwise(was: Charter) -> Charter:
        return Charter(was.adopted, deciding, other.topology, other.ruleset)

    return otherwise


def ruled(sources: Sequence[Source]) -> Change:
    """What was in force with other rules of one's own; packs stay. Raises Wrong where they do not compile."""

    def compiled(packs: Sequence[str], kinds: Sequence[str]) -> RuleSet:
        known = frozenset(kinds) if kinds else None
        found = compile_files(sources, packs=tuple(packs), kinds=known, lacks=LACKS)
        if found.ruleset is None:
            raise Wrong("\n".join(format_problem(one) for one in found.problems if one.severity == "error"))
        return found.ruleset

    compiled((), ())

    def otherwise(was: Charter) -> Charter:
        return Charter(was.adopted, was.settings, was.topology, compiled(was.settings.packs, was.settings.kinds))

    return otherwise


def changed(overrides: Iterable[Override], topology: Topology | None) -> Change:
    """What was in force with some settings changed, and perhaps on another topology."""
    ordered, kept = tuple(overrides), topology.encode() if topology is not None else b""

    def otherwise(charter: Charter) -> Charter:
        convergence = charter.settings.convergence
        for override in ordered:
            convergence = override(convergence)
        settings = msgspec.structs.replace(charter.settings, convergence=convergence)
        return Charter(charter.adopted, settings, kept or charter.topology, charter.ruleset)

    return otherwise


def read_override(said: str) -> Override:
    """`convergence.window=5m`, or `window=5m`; a value is YAML. Raises Wrong."""
    key, equals, text = said.partition("=")
    path = key.strip().removeprefix(f"{ROOM}.").split(".")
    if not equals or not all(path):
        raise Wrong(f"--set {said}: write KEY=VALUE, such as convergence.window=5m")
    try:
        nested: Any = parse_document(text, "--set").data
        for one in reversed(path):
            nested = {one: nested}
        read = convert(Document("--set", nested, {}, {}), Convergence, {})
    except DocumentError as error:
        raise Wrong(f"--set {said}: {'; '.join(problem.message for problem in error.problems)}") from None
    return lambda convergence: _overlaid(convergence, read, path)


def _overlaid(old: Any, new: Any, path: list[str]) -> Any:
    """`old` with what `new` has at the path."""
    if not path:
        return new
    if isinstance(old, dict):
        return {**old, path[0]: _overlaid(old.get(path[0]), new[path[0]], path[1:])}
    name = next(one.name for one in msgspec.structs.fields(old) if one.encode_name == path[0])
    value = _overlaid(getattr(old, name), getattr(new, name), path[1:])
    return msgspec.structs.replace(old, **{name: value})
