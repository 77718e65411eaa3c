"""Whatever the text: lexer, parser, checker and layout end, in bounded time, and never raise.

Inputs are pieces of what ships, of the manual's examples and of every known mistake, cut, doubled, exchanged and glued together
by a seed; `make fuzz` takes a million of them.
"""

import random
import re
import time
from collections.abc import Callable, Iterator

import pytest

from rules import Source, compile_files
from rules.layout import lay_out, tokens_of
from tests.effort import Effort
from tests.unit.rules.test_layout import FILES
from tests.unit.rules.test_mistakes import MISTAKES

SLOW_S = 0.05
"""Seconds for 10 kB on a machine that does nothing else; a busy one gets a second try."""
CORPUS: list[str] = [*FILES, *(text for text, _, _, _ in MISTAKES if len(text) < 2_000)]
PIECES: list[str] = sorted({piece for text in CORPUS for piece in re.findall(r'"[^"\n]*"?|[\w.%]+|\s+|[^\s\w]', text)})
STRANGE = [
    "\x00",
    "\ufeff",
    "\ud800",
    "\N{SNOWMAN}",
    '"',
    "\\",
    "{{",
    "}}",
    "(" * 70,
    "#",
    "\r",
    "9" * 400,
    "%",
    "1e999",
]


def inputs(seed: int, count: int) -> Iterator[str]:
    """`count` texts of at most a few kilobytes."""
    chance = random.Random(f"rules {seed}")
    for _ in range(count):
        text = chance.choice(CORPUS)
        start = chance.randrange(max(1, len(text) - 300)) if len(text) > 300 else 0
        text = text[start : start + chance.randrange(20, 300)]
        for _ in range(chance.randrange(4)):
            text = mutated(text, chance)
        yield text


def mutated(text: str, chance: random.Random) -> str:
    """One change somewhere."""
    at, to = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    piece = chance.choice(PIECES if chance.random() < 0.9 else STRANGE)
    match chance.randrange(4):
        case 0:
            return text[:at] + piece + text[at:]
        case 1:
            return text[:at] + text[to:]
        case 2:
            return text[:to] + text[at:to] + text[to:]
        case _:
            return text[:at] + piece + text[at + len(piece) :]


@pytest.mark.fuzz
def test_no_text_raises_or_hangs(effort: Effort, say: Callable[[str], None]) -> None:
    """Every text is read or refused, in bounded time; what can be read has one layout; some are compiled as well."""
    count = effort.pick(ci=20_000, full=1_000_000)
    read = compiled = 0
    slowest = 0.0
    for number, text in enumerate(inputs(effort.pick(ci=0, full=1), count)):
        begun = time.perf_counter()
        laid, report = lay_out("x.heal", text)
        slowest = max(slowest, time.perf_counter() - begun)
        assert (laid is None) is any(problem.severity == "error" for problem in report.problems)
        if laid is not None:
            read += 1
            assert tokens_of(laid) == tokens_of(report.text), text
            assert lay_out("x.heal", laid)[0] == laid, text
        if laid is not None or number % 100 == 0:
            compile_files([Source("x.heal", text)], packs=False)
            compiled += 1
    say(
        f"{count} texts, {read} of them could be read, {compiled} compiled; the slowest took {slowest * 1e3:.0f} ms to read"
    )
    assert read > count / 100


@pytest.mark.fuzz
@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        '"' * 10_000,
        "a " * 5_000,
        "when: " * 1_600,
        'rule "a" ' * 1_100,
        "{{ " * 3_300,
        'rule "a"\n  on event: "X"\n  when: ' + "NOT " * 2_400 + "resolved",
        'rule "a"\n  on event: "X"\n  when: ' + "resolved AND " * 760 + "resolved",
        'rule "a"\n  on event: "X"\n  then: ' + 'notify("x") ' * 820,
        'rule "a"\n  on event: "X"\n  when: labels.a =~ "' + "(a*)*" * 1_900 + '"',
    ],
    ids=lambda text: text[:12] + text[-12:],
)
def test_ten_kilobytes_are_fast(text: str) -> None:
    """10 kB of anything take at most 50 ms to read."""
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        lay_out("x.heal", text)
        taken.append(time.perf_counter() - begun)

    assert min(taken) < SLOW_S, min(taken)
