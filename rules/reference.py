"""docs/rule-reference.md: every word of the language, from its tables. `python -m rules.reference FILE` writes it."""

import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from rules import manual
from rules.actions import Action, Metric
from rules.compiling import compile_files
from rules.manual import Entry
from rules.names import FUNCTIONS, NAMES, OVERRIDABLE, PREFIXES
from rules.parsing import STARTS
from rules.problems import CODES
from rules.ruleset import DEFAULT_LIMITS, MODES
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES
from rules.units import DURATION_UNITS, SIZE_UNITS, Type

HEAD = """# Reference of the rule language

Every word that a rule file may hold, from the tables that read it; made by `python -m rules.reference docs/rule-reference.md`.
What it all means together: [rule-language.md](rule-language.md). Step by step: [rule-tour.md](rule-tour.md). Whole rules:
[rule-examples.md](rule-examples.md). What the compiler says: [rule-errors.md](rule-errors.md).
"""


def page() -> str:
    """The whole page."""
    compiled = compile_files([], packs=False).ruleset
    assert compiled is not None
    parts = [
        HEAD,
        _section("Clauses of a rule", ("written", "means"), _entries(RULE_CLAUSES, manual.RULE)),
        f"Modes: {', '.join(f'`{mode}`' for mode in MODES)}.\n",
        f"Without `limit:`: {', '.join(one.text for one in DEFAULT_LIMITS)}.\n",
        _section("Clauses of an action", ("written", "means"), _entries(ACTION_CLAUSES, manual.ACTION)),
        _section("Clauses of a test", ("written", "means"), _entries(TEST_CLAUSES, manual.TEST)),
        _section(
            "Types", ("type", "written"), [(f"`{kind}`", manual.TYPES[kind]) for kind in Type if kind in manual.TYPES]
        ),
        f"Durations: `{' '.join(DURATION_UNITS)}`. Sizes: `{' '.join(SIZE_UNITS)}`.\n",
        _section(
            "Operators, tightest first",
            ("written", "means"),
            [(f"`{_cell(one.written)}`", one.means) for one in manual.OPERATORS],
        ),
        _section("Names", ("name", "type", "what it is"), _names()),
        _section("Functions", ("written", "what it says"), _entries(FUNCTIONS, manual.FUNCTIONS)),
        _section("Metrics that ship", ("metric", "type", "query"), _metrics(compiled.metrics)),
        _section("Actions that ship", ("action", "takes", "acts on", "by"), _actions(compiled.actions)),
        _section(
            "Codes",
            ("code", "meaning"),
            [(f"[{code}](rule-errors.md#{code.lower()})", said) for code, said in CODES.items()],
        ),
        _grammar(),
    ]
    return "\n".join(parts)


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"## {title}\n", f"| {' | '.join(columns)} |", f"| {' | '.join('---' for _ in columns)} |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _entries(words: Iterable[str], entries: Mapping[str, Entry]) -> list[tuple[str, ...]]:
    return [(f"`{_cell(entries[word].written)}`", entries[word].means) for word in words]


def _names() -> list[tuple[str, ...]]:
    plain: list[tuple[str, ...]] = [(f"`{name}`", str(kind), _also(name)) for name, kind in NAMES.items()]
    return plain + [(f"`{name}.X`", str(kind), manual.PREFIXES[name]) for name, kind in PREFIXES.items()]


def _also(name: str) -> str:
    return manual.NAMES[name] + ("; a metric of this name takes its place" if name in OVERRIDABLE else "")


def _metrics(metrics: Mapping[str, Metric]) -> list[tuple[str, ...]]:
    return [(f"`{name}`", str(metric.type), f"`{_cell(_query(metric))}`") for name, metric in sorted(metrics.items())]


def _query(metric: Metric) -> str:
    return "".join(part if isinstance(part, str) else f"{{{{ {part.name.path} }}}}" for part in metric.template.parts)


def _actions(actions: Mapping[str, Action]) -> list[tuple[str, ...]]:
    return [
        (
            f"`{name}`",
            ", ".join(f"`{each.name}: {each.type}`" for each in action.parameters),
            ", ".join(action.accepts) or "any",
            action.run.executor,
        )
        for name, action in sorted(actions.items())
    ]


def _grammar() -> str:
    text = files("rules").joinpath("grammar.lark").read_text(encoding="utf-8")
    starts = ", ".join(f"`{start}`" for start in STARTS)
    return (
        "## Grammar\n\nA file is cut into definitions and clauses first: a clause's word stands before a colon, outside of "
        f"brackets, strings and comments. Each body is read by one of {starts}.\n\n```text\n{text}```\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
