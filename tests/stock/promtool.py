"""Prometheus' own rule engine over given series, in virtual time: `promtool test rules`.

It is asked for what it cannot expect, and says what it got instead; that is how label sets come out of it.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.process import binary

HERE = Path(__file__).parent
INTERVAL_S = 30
"""Between two samples, as kube-prometheus scrapes."""
Labels = dict[str, str]
_SAMPLE = re.compile(r'\{(?P<labels>__name__="ALERTS"(?:[^"}]|"(?:[^"\\]|\\.)*")*)\} \d')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Series(NamedTuple):
    """One series: its name and labels, and its values in promtool's notation, one every INTERVAL_S."""

    name: str
    labels: Labels
    values: str

    def written(self) -> dict[str, str]:
        inner = ",".join(f"{name}={json.dumps(value)}" for name, value in self.labels.items())
        return {"series": f"{self.name}{{{inner}}}", "values": self.values}


class Firing(NamedTuple):
    """An alert that fires at `at_m`, minutes from the beginning."""

    at_m: int
    labels: Labels


def stock_rules() -> list[dict[str, Any]]:
    """The rules as they are kept: alertname, expr, for, severity, labels, group."""
    rules: list[dict[str, Any]] = json.loads((HERE / "kube-prometheus.json").read_text())["rules"]
    return rules


def rule_file(more: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """All stock rules, and `more` of the same shape, as Prometheus reads them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for rule in [*stock_rules(), *more]:
        written = {
            "alert": rule["alertname"],
            "expr": rule["expr"],
            "for": rule.get("for") or "0s",
            "labels": {"severity": rule["severity"], **rule["labels"]},
        }
        groups.setdefault(rule["group"], []).append(written)
    return {"groups": [{"name": name, "rules": rules} for name, rules in groups.items()]}


def firing(
    folder: Path,
    series: Iterable[Series],
    at_m: Sequence[int],
    more: Iterable[Mapping[str, Any]] = (),
    *,
    every_m: int = 1,
) -> list[Firing]:
    """What fires at each of these minutes over these series, the rules being evaluated every so often."""
    expression = 'ALERTS{alertstate="firing"}'
    asked = [{"expr": expression, "eval_time": f"{minute}m", "exp_samples": []} for minute in at_m]
    world = {
        "interval": f"{INTERVAL_S}s",
        "input_series": [one.written() for one in series],
        "promql_expr_test": asked,
    }
    (folder / "rules.json").write_text(json.dumps(rule_file(more)))
    tests = {"rule_files": ["rules.json"], "evaluation_interval": f"{every_m}m", "tests": [world]}
    (folder / "tests.json").write_text(json.dumps(tests))
    command = [binary("promtool", "prometheus"), "test", "rules", "tests.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    found = []
    for part in said.split("expr: ")[1:]:
        asked_at = re.search(r"time: (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?,", part)
        assert asked_at is not None, part[:2_000]
        hours, minutes, _ = (int(one or 0) for one in asked_at.groups())
        found += [Firing(hours * 60 + minutes, labels) for labels in _label_sets(part)]
    assert found or "FAILED" not in said, said[:4_000]
    return found


def _label_sets(said: str) -> list[Labels]:
    return [
        {
            name: json.loads(f'"{value}"')
            for name, value in _LABEL.findall(sample["labels"])
            if name not in ("__name__", "alertstate")
        }
        for sample in _SAMPLE.finditer(said)
    ]
