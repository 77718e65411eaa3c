"""How a compiler's problem is shown in a terminal: what is wrong in colour, the line as it was written, what helps apart."""

from healer.cli.output import Output

HELPS = "cyan"


def show(output: Output, text: str, style: str) -> None:
    """One problem, as `rules.format_problem` words it; `style` is that of its severity."""
    head, *rest = text.split("\n")
    output.line(head, f"bold {style}")
    for row in rest:
        carets = bool(row.strip()) and not row.strip("^ \t")
        helps = row.startswith(("  expected:", "  hint:"))
        output.line(row, style if carets else HELPS if helps else "")
