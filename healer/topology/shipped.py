"""The lines of `topology.nodes` that ship with healer, by name: kube-prometheus, node-exporter, mysqld and others.

`healer.settings` puts them where a configuration says `{use: NAME}`, so that whatever reads settings, and the journal, has
plain lines: another version of healer changes nothing that was decided. The files lie in `mappings/`, one for a name.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

import msgspec

from healer.alerts.matchers import Matcher, Matchers
from healer.documents.convert import convert
from healer.documents.document import parse_document
from healer.topology.settings import Mapping

_SUFFIX = ".yaml"


@cache
def shipped_names() -> tuple[str, ...]:
    """The names that `use` may say, sorted."""
    files = (resources.files("healer.topology") / "mappings").iterdir()
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)))


@cache
def shipped(name: str) -> tuple[Mapping, ...]:
    """The lines of this name; each is called `NAME/LINE`. Raises KeyError, or DocumentError where the package is damaged."""
    if name not in shipped_names():
        raise KeyError(name)
    text = (resources.files("healer.topology") / "mappings" / f"{name}{_SUFFIX}").read_text("utf-8")
    lines = convert(parse_document(text, f"{name}{_SUFFIX}"), tuple[Mapping, ...], {})
    return tuple(msgspec.structs.replace(line, name=f"{name}/{line.name}") for line in lines)


def with_shipped(lines: Sequence[Mapping], first: Sequence[Mapping] = ()) -> tuple[Mapping, ...]:
    """The lines with those that ship in place of `use`, after those that come `first`. One's own keep the number that they
    have in the file."""
    return (*first, *_in_place(lines)) if first or any(line.use for line in lines) else tuple(lines)


def _in_place(lines: Sequence[Mapping]) -> Iterator[Mapping]:
    for number, line in enumerate(lines):
        if line.use and line.cluster:
            yield from (of_clusters(one, line.cluster) for one in shipped(line.use))
        elif line.use:
            yield from shipped(line.use)
        elif line.name:
            yield line
        else:
            yield msgspec.structs.replace(line, name=f"topology.nodes[{number}]")


def of_clusters(line: Mapping, label: str) -> Mapping:
    """A line about nodes that have the name of their cluster in their ids, which this label of their alerts tells."""
    wanted = [line.find] if isinstance(line.find, dict) else list(line.find)
    return msgspec.structs.replace(
        line,
        match=Matchers([*line.match, Matcher(label, "!=", "")]),
        node=_within(line.node, label)
        if isinstance(line.node, str)
        else tuple(_within(one, label) for one in line.node),
        find=tuple(
            {**{key: _within(text, label) for key, text in one.items()}, "cluster": f"{{{label}}}"}
            for one in wanted
            if one
        ),
    )


def _within(text: str, label: str) -> str:
    """`pod/{namespace}/{pod}` as `pod/{cluster}:{namespace}/{pod}`; what is no id stays as it is."""
    kind, slash, rest = text.partition("/")
    return f"{kind}/{{{label}}}:{rest}" if slash and "{" not in kind else text
