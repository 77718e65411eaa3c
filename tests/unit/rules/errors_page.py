"""docs/rule-errors.md: every code with an example and what the compiler says to it. `python -m tests.unit.rules.errors_page`."""

from pathlib import Path

from rules import CODES, FEATURES, Permission, Source, compile_files, format_problem
from tests.unit.rules.test_mistakes import MISTAKES

PAGE = Path(__file__).parents[3] / "docs" / "rule-errors.md"
HEAD = """# What the compiler says to a rule

Every kind of mistake has a code. Errors (E) keep the whole set of rules from being used; warnings (W) are about what is
legal and probably not meant. Each example is a file, and below it is what `healer check` says.
"""
_RULE = 'rule "r"\n  on event: "X"\n'
ELSEWHERE: dict[str, tuple[str | bytes, dict[str, object]]] = {
    "E0103": (b'rule "\xff"\n', {}),
    "E0205": (_RULE + '  when: topology.rak == "r1"\n  then: notify("oncall")\n', {"kinds": frozenset({"rack"})}),
    "E0208": (_RULE + '  then: notify("onkall")\n', {"channels": ("oncall",)}),
    "E0209": (_RULE + '  then: notify("oncall")\n  except: calendar("freze")\n', {"calendars": ("freeze",)}),
    "E0210": (
        _RULE + '  then: execute("reboot_node")\n  verify: healthy(target)\n  limit: 1 per 1h per node\n',
        {"permissions": (Permission(path="own.heal", owner="team-a", actions=("restart_service",)),)},
    ),
    "E0505": (
        _RULE + '  then: notify("oncall")\n  mode: auto\n',
        {"permissions": (Permission(path="own.heal", owner="team-a", mode_at_most="approve"),)},
    ),
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for code, meaning in CODES.items():
        text, said = example(code)
        parts.append(
            f"## {code}\n\n{meaning[0].upper()}{meaning[1:]}.\n\n```text\n{text.rstrip()}\n```\n\n```text\n{said}\n```\n"
        )
    return "\n".join(parts)


def example(code: str) -> tuple[str, str]:
    """The shortest text that this code is said to, and what is said."""
    if code in ELSEWHERE:
        content, settings = ELSEWHERE[code]
        return _said(code, content, settings)
    text = min((text for text, each, _, _ in MISTAKES if each == code), key=len)
    return _said(code, text, {"lacks": FEATURES} if code.startswith("E06") else {})


def _said(code: str, content: str | bytes, settings: dict[str, object]) -> tuple[str, str]:
    compiled = compile_files([Source("own.heal", content)], packs=False, **settings)  # type: ignore[arg-type] # as ELSEWHERE has them
    problem = next(problem for problem in compiled.problems if problem.code == code)
    shown = content if isinstance(content, str) else content.decode(errors="replace")
    cut = shown if len(shown) <= 600 else shown[:200] + " ...\n"
    return cut, "\n".join(line.rstrip() for line in format_problem(problem).splitlines())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
