"""How is healer itself doing? Counters, gauges and histograms, written as Prometheus reads them (text format 0.0.4).

A `Registry` is made by `healer.bootstrap` and handed to whoever measures; nothing is global. What some room already counts
is not counted twice: it is read as `Sample`s when somebody looks.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Literal, Protocol, TypeVar

import msgspec

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERIES = 1_000
"""Label combinations one family keeps; whatever comes after counts as "other", so that no input can fill the memory."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bucket bounds for durations of requests and sends."""

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True):
    """One number of one series, as read elsewhere at this moment."""

    name: str
    value: float
    labels: Labels = ()
    kind: Kind = "gauge"
    help: str = ""


class Counter:
    """Only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, by: float = 1) -> None:
        """Count `by` more, which is not negative."""
        if by < 0:
            raise ValueError(f"a counter only grows, not by {by}")
        self.value += by

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        yield _line(name, labels, self.value)


class Gauge:
    """Stands where it was set last."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def set(self, value: float) -> None:
        self.value = value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        yield _line(name, labels, self.value)


class Histogram:
    """How many observations were at most each bound."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: Labels) -> Iterator[str]:
        total = 0
        for bound, count in zip((*self.bounds, math.inf), self.counts, strict=True):
            total += count
            yield _line(f"{name}_bucket", (*labels, ("le", _number(bound))), total)
        yield _line(f"{name}_sum", labels, self.sum)
        yield _line(f"{name}_count", labels, total)


class Metric(Protocol):
    def lines(self, name: str, labels: Labels) -> Iterator[str]: ...


M = TypeVar("M", bound=Metric)


class Family(Generic[M]):
    """Series of one name that differ in their labels."""

    def __init__(self, name: str, kind: Kind, help: str, labels: tuple[str, ...], make: Callable[[], M]) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self._labels = labels
        self._make = make
        self._series: dict[tuple[str, ...], M] = {}

    def of(self, *values: str) -> M:
        """The series with these label values, in the order the labels were declared."""
        found = self._series.get(values)
        return found if found is not None else self._add(values)

    def lines(self) -> Iterator[str]:
        for values, metric in sorted(self._series.items(), key=lambda item: item[0]):
            yield from metric.lines(self.name, tuple(zip(self._labels, values, strict=True)))

    def _add(self, values: tuple[str, ...]) -> M:
        if len(values) != len(self._labels):
            raise ValueError(f"{self.name} has the labels {self._labels}, not {len(values)} of them")
        if len(self._series) >= SERIES:
            values = ("other",) * len(values)
        return self._series.setdefault(values, self._make())


class Registry:
    """All that one healer measures. A name is declared once; asking again gives the same, another kind raises ValueError."""

    def __init__(self) -> None:
        self._families: dict[str, Family[Counter] | Family[Gauge] | Family[Histogram]] = {}
        self._readings: list[Callable[[], Iterable[Sample]]] = []

    def counters(self, name: str, help: str, labels: tuple[str, ...]) -> Family[Counter]:
        return self._declare(Family(name, "counter", help, labels, Counter))

    def counter(self, name: str, help: str) -> Counter:
        return self.counters(name, help, ()).of()

    def gauges(self, name: str, help: str, labels: tuple[str, ...]) -> Family[Gauge]:
        return self._declare(Family(name, "gauge", help, labels, Gauge))

    def gauge(self, name: str, help: str) -> Gauge:
        return self.gauges(name, help, ()).of()

    def histograms(
        self, name: str, help: str, labels: tuple[str, ...], bounds: tuple[float, ...] = SECONDS
    ) -> Family[Histogram]:
        return self._declare(Family(name, "histogram", help, labels, lambda: Histogram(bounds)))

    def histogram(self, name: str, help: str, bounds: tuple[float, ...] = SECONDS) -> Histogram:
        return self.histograms(name, help, (), bounds).of()

    def read(self, samples: Callable[[], Iterable[Sample]]) -> None:
        """Ask `samples` for what another room counts, each time somebody looks."""
        self._readings.append(samples)

    def expose(self) -> bytes:
        """Everything, as /metrics answers it."""
        lines: list[str] = []
        for name in sorted(self._families):
            family = self._families[name]
            lines += _head(name, family.kind, family.help)
            lines += family.lines()
        grouped: dict[str, list[Sample]] = {}
        for samples in self._readings:
            for sample in samples():
                grouped.setdefault(sample.name, []).append(sample)
        for name in sorted(grouped):
            lines += _head(name, grouped[name][0].kind, grouped[name][0].help)
            lines += (_line(name, sample.labels, sample.value) for sample in grouped[name])
        return ("\n".join(lines) + "\n").encode(errors="replace")

    def _declare(self, family: Family[M]) -> Family[M]:
        before = self._families.get(family.name)
        if before is None:
            self._families[family.name] = family  # type: ignore[assignment]  # M is one of the three kinds
            return family
        if before.kind != family.kind:
            raise ValueError(f"{family.name} is a {before.kind} already, not a {family.kind}")
        return before  # type: ignore[return-value]  # the kind was compared


def _head(name: str, kind: Kind, help: str) -> tuple[str, str]:
    described = help.replace("\\", "\\\\").replace("\n", "\\n")
    return f"# HELP {name} {described}", f"# TYPE {name} {kind}"


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) else repr(float(value))
