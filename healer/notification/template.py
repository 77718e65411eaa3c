"""Somebody's own words for what stands below line 1: a template of a channel, filled with what healer knows of an incident.

Jinja2 in an immutable sandbox, of which only what cannot run away is left: no calls, no assignments, two loops in each other
over what has a limit. So a template comes to its end, and what an alert brought is data wherever it stands. Pure; the text is
escaped by the channel that sends it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from healer.alerts.identity import labels_of
from healer.notification.story import REASON_LIMIT, Story, cut, one_line

MOST_SOURCE = 4_000
"""Characters of a template."""
MOST_OUTPUT = 8_000
"""Characters that it may make of an incident; what is beyond is cut off."""
MOST_LABELS = 64
"""Labels of the root that a template sees."""
DEPTH = 2
"""Loops in each other: with the limits on lines and labels, and on the source, this bounds the time."""
MOST_LINES = 100

NAMES = (
    "incident",
    "trace",
    "state",
    "severity",
    "title",
    "lines",
    "labels",
    "node",
    "owner",
    "url",
    "called",
    "others",
)
"""What a template can name."""
LISTS = ("lines", "labels")
FILTERS = ("default", "first", "join", "last", "length", "lower", "title", "trim", "truncate", "upper")
_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.For,
)


class BadTemplate(Exception):
    """What is wrong with a template, in a sentence that says where."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Only entries of mappings and lists are reached, no attributes of any object."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping | list):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                pass
        return self.undefined(name=str(argument))

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


def _shown(value: Any) -> Any:
    return cut(one_line(value), REASON_LIMIT) if isinstance(value, str) else value


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(finalize=_shown, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in FILTERS}
    sandbox.tests.clear()
    return sandbox


_ENVIRONMENT = _sandbox()


@lru_cache(maxsize=64)
def read(source: str) -> jinja2.Template:
    """The template. Raises BadTemplate."""
    if len(source) > MOST_SOURCE:
        raise BadTemplate(f"it has {len(source)} characters, at most {MOST_SOURCE} are taken")
    try:
        tree = _ENVIRONMENT.parse(source)
        _look(tree, 0)
        if unknown := sorted(meta.find_undeclared_variables(tree) - set(NAMES)):
            raise BadTemplate(f"nothing is called {unknown[0]!r} there; there are {', '.join(NAMES)}")
        return _ENVIRONMENT.from_string(tree)
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplate(f"line {error.lineno}: {error.message}") from error
    except RecursionError as error:
        raise BadTemplate("it is nested too deeply") from error


def _look(node: nodes.Node, loops: int) -> None:
    """Raises BadTemplate for what a template may not do."""
    if not isinstance(node, _NODES) or (isinstance(node, nodes.For) and node.recursive):
        raise BadTemplate(f"line {node.lineno}: a template cannot do this ({type(node).__name__})")
    if isinstance(node, nodes.Filter):
        _look_at_filter(node)
    if isinstance(node, nodes.For):
        if not (isinstance(node.iter, nodes.Name) and node.iter.name in LISTS):
            raise BadTemplate(f"line {node.lineno}: a loop goes over {' or '.join(LISTS)}")
        loops += 1
    if loops > DEPTH:
        raise BadTemplate(f"line {node.lineno}: at most {DEPTH} loops can stand in each other")
    for below in node.iter_child_nodes():
        if not isinstance(below, nodes.Keyword):
            _look(below, loops)


def _look_at_filter(node: nodes.Filter) -> None:
    """What a filter makes of a value is hardly longer than it: none is joined twice, nor with something that is long itself."""
    if node.name not in FILTERS:
        raise BadTemplate(f"line {node.lineno}: no filter is called {node.name!r}; there are {', '.join(FILTERS)}")
    given = [*node.args, *(keyword.value for keyword in node.kwargs)]
    if not all(isinstance(one, nodes.Const) for one in given) or node.dyn_args or node.dyn_kwargs:
        raise BadTemplate(f"line {node.lineno}: {node.name} takes only values that are written out")
    if node.name == "join" and not isinstance(node.node, nodes.Name):
        raise BadTemplate(f"line {node.lineno}: join takes {' or '.join(LISTS)}")


def fill(source: str, story: Story, url: str) -> tuple[str, ...]:
    """The lines that a template makes of a story that has its words. Raises BadTemplate where it cannot be filled."""
    written, length = [], 0
    try:
        for piece in read(source).generate(_facts(story, url)):
            written.append(piece)
            length += len(piece)
            if length > MOST_OUTPUT:
                break
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise BadTemplate(f"it cannot be filled: {error}") from error
    return tuple(cut("".join(written), MOST_OUTPUT).strip("\n").splitlines())


def _facts(story: Story, url: str) -> dict[str, Any]:
    incident = story.facts.incident if story.facts is not None else None
    root = (incident.named or incident.root) if incident is not None else None
    labels = labels_of(root.labels) if root is not None else {}
    return {
        "incident": story.incident,
        "trace": story.trace_id,
        "state": story.state,
        "severity": story.severity,
        "title": story.title,
        "lines": list(story.lines[:MOST_LINES]),
        "labels": dict(list(labels.items())[:MOST_LABELS]),
        "node": root.node if root is not None else "",
        "owner": incident.owner if incident is not None else "",
        "url": url,
        "called": story.called,
        "others": incident.suppressed + incident.members if incident is not None else 0,
    }
