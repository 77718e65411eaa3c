"""Ids made of labels: `host/{instance|host|lower}`. A label that is missing leaves no id at all. Pure.

All filters but one look at nothing but their text. `owner` first asks who knows the pods (`Owners`, the mapping's index),
and goes by how Kubernetes names pods where the pod is not known.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

_FIELD = re.compile(r"\{([^{}]*)\}")
_HASH = "[bcdfghjklmnpqrstvwxz2456789]"
_OWNED = (
    re.compile(rf"(.+)-{_HASH}{{8,10}}-{_HASH}{{5}}"),  # a Deployment's ReplicaSet
    re.compile(r"(.+)-[0-9]{8,10}-" + _HASH + r"{5}"),  # a CronJob's Job
    re.compile(rf"(.+)-{_HASH}{{5}}"),  # a DaemonSet or a Job
    re.compile(r"(.+)-[0-9]+"),  # a StatefulSet, or a CronJob's Job itself
)
NAMESPACE = "namespace"
"""The label in whose value's world a pod's name is one pod's."""

Filter = Callable[[str], str]
Owners = Callable[[str, str], str]
"""The workload of a pod, given its namespace and name; "" when that is not known."""


class TemplateError(ValueError):
    """A text that is no template; the message says what was expected."""


class _Field(NamedTuple):
    before: str
    label: str
    filters: tuple[Filter, ...]
    default: str


class Template:
    """A compiled template. `names` are the labels it reads."""

    __slots__ = ("_fields", "_rest", "_simple", "names", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        fields: list[_Field] = []
        end = 0
        for found in _FIELD.finditer(text):
            fields.append(_field(text, text[end : found.start()], found[1]))
            end = found.end()
        self._rest = text[end:]
        if any(brace in part for part in (self._rest, *(field.before for field in fields)) for brace in "{}"):
            raise TemplateError(f"{text!r}: a brace is not closed or not opened; write host/{{instance}}")
        self._fields = tuple(fields)
        self._simple = len(fields) == 1 and not fields[0].filters and not fields[0].default
        owned = any(owner in field.filters for field in fields)
        self.names = frozenset(field.label for field in fields) | ({NAMESPACE} if owned else frozenset())

    def render(self, labels: Mapping[str, str], owners: Owners | None = None) -> str | None:
        """The text for these labels; None when one of them is missing, or empty after its filters."""
        if self._simple:
            field = self._fields[0]
            value = labels.get(field.label)
            return f"{field.before}{value}{self._rest}" if value else None
        parts = []
        for before, label, filters, default in self._fields:
            value = labels.get(label) or ""
            for apply in filters:
                known = owners(labels.get(NAMESPACE) or "", value) if apply is owner and owners is not None else ""
                value = known or apply(value)
            value = value or default
            if not value:
                return None
            parts.append(before)
            parts.append(value)
        return "".join(parts) + self._rest

    def missing(self, labels: Mapping[str, str]) -> str:
        """The label for want of which there is no id; "" when there is one."""
        for _, label, filters, default in self._fields:
            value = labels.get(label) or ""
            for apply in filters:
                value = apply(value)
            if not value and not default:
                return label
        return ""


def _field(text: str, before: str, inner: str) -> _Field:
    label, *names = (part.strip() for part in inner.split("|"))
    if not label:
        raise TemplateError(f"{text!r}: expected the name of a label between the braces")
    filters: list[Filter] = []
    default = ""
    for name in names:
        if default:
            raise TemplateError(f"{text!r}: default comes last")
        if name.startswith("default:") and name != "default:":
            default = name.removeprefix("default:")
        elif name in FILTERS:
            filters.append(FILTERS[name])
        else:
            known = ", ".join(FILTERS)
            raise TemplateError(f"{text!r}: no filter is called {name!r}; there are {known} and default:VALUE")
    return _Field(before, label, tuple(filters), default)


def host(text: str) -> str:
    """The host of `host:port`, `[v6]:port`, a URL, or of a plain host or address."""
    return _split(text)[0]


def port(text: str) -> str:
    """The port of `host:port`, `[v6]:port` or a URL; "" when there is none."""
    return _split(text)[1]


def owner(text: str) -> str:
    """The workload behind a pod's name, by how Kubernetes names pods; the name itself when it looks like none."""
    for pattern in _OWNED:
        found = pattern.fullmatch(text)
        if found:
            return found[1]
    return text


def _split(text: str) -> tuple[str, str]:
    if "://" in text:
        try:
            parts = urlsplit(text)
            return parts.hostname or "", str(parts.port or "")
        except ValueError:
            return "", ""
    if text.startswith("["):
        inside, _, after = text[1:].partition("]")
        return inside, after.removeprefix(":")
    if text.count(":") == 1:
        name, _, number = text.partition(":")
        return name, number
    return text, ""


FILTERS: dict[str, Filter] = {"lower": str.lower, "host": host, "port": port, "owner": owner}
