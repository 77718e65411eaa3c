"""A thousand rules beside one: compiling them, finding who listens, and deciding about an incident.

python -m bench.rules [RULES]

Processes of their own compile them with an empty folder, with what the one before left there, and with one rule changed.
The naive loop asks every rule whether it listens, in the same run and over the same events; the index must win by far.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rules import Facts, NodeFact, Rule, RuleSet, Source, compile_files, evaluate
from rules.compiling import _compile
from rules.parsing import _remembered

RULES = 1000
EVENTS = 2000
ROUNDS = 5
COMPILED_S, CACHED_S, DECIDED_US = 2.0, 0.2, 200.0
"""What is wanted with a thousand rules."""
ALONE = """
import sys, time
from pathlib import Path
from rules import Source, compile_files, keep_in
keep_in(Path(sys.argv[1]))
source = Source("many.heal", Path(sys.argv[2]).read_bytes())
begun = time.process_time()
assert compile_files([source], packs=False).ruleset is not None
print(time.process_time() - begun)
"""
"""What a process of its own does: it compiles one file with a folder, and says how many seconds of CPU that took."""
HOST = NodeFact("host/web-1", "web-1", "host", {"instance": "web-1:9100"})
FACTS = Facts(now=10**15, severity="critical", labels={"env": "prod"}, node=HOST, starts_at=10**15 - 10**8)


def text(count: int) -> str:
    """`count` rules: nine of ten listen to one alert by name, the tenth to a pattern."""
    rules = []
    for number in range(count):
        event = f"Alert{number}" if number % 10 else f"Family{number}.*"
        rules.append(
            f'rule "r{number}"\n  on event: "{event}"\n'
            f'  when: severity >= critical AND duration > 30s AND labels.env ?? "prod" != "lab"\n'
            f'  then: execute("restart_service", unit: "a{number}.service")\n'
            "  verify: resolved AND healthy(target) stable 2m within 10m\n  limit: 1 per 30m per node\n"
            f"  priority: {number % 7}\n"
        )
    return "\n".join(rules)


def compiled(source: Source) -> RuleSet:
    """The rule set of a text that compiles."""
    ruleset = compile_files([source], packs=False).ruleset
    assert ruleset is not None
    return ruleset


def decide(listening: Callable[[str], tuple[Rule, ...]], names: list[str]) -> float:
    """Microseconds for one incident: who listens, and what each of them says."""
    begun = time.perf_counter()
    for name in names:
        for rule in listening(name):
            evaluate(rule.when, FACTS)
    return (time.perf_counter() - begun) / len(names) * 1e6


def alone(folder: Path, text: str) -> float:
    """Seconds of CPU for compiling this in a new process that keeps what it compiles in the folder."""
    file = folder / "many.heal"
    file.write_text(text)
    run = [sys.executable, "-c", ALONE, str(folder / "compiled"), str(file)]
    return float(subprocess.run(run, capture_output=True, check=True, text=True).stdout)


def processes(count: int) -> tuple[float, float, float]:
    """Seconds of CPU in a new process: nothing kept, everything kept, everything but one rule kept."""
    found = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            whole = text(count)
            texts = (whole, whole, whole.replace("30s", "31s", 1))
            found.append([alone(Path(name), each) for each in texts])
    cold, warm, changed = (statistics.median(each) for each in zip(*found, strict=True))
    return cold, warm, changed


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RULES
    compiled(Source("warm.heal", text(1)))
    timings = []
    changed = []
    for number in range(ROUNDS):
        _compile.cache_clear()
        _remembered.cache_clear()
        begun = time.perf_counter()
        compiled(Source(f"{number}.heal", text(count)))
        timings.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        compiled(Source(f"{number}.heal", text(count).replace("30s", "31s", 1)))
        changed.append(time.perf_counter() - begun)
    many = Source("many.heal", text(count))
    ruleset, one = compiled(many), compiled(Source("one.heal", text(1)))
    begun = time.perf_counter()
    compiled(many)
    cached = time.perf_counter() - begun
    names = [f"Alert{number % count}" if number % 3 else f"Family{number % count}x" for number in range(EVENTS)]
    found: dict[str, list[float]] = {"index": [], "loop": [], "one": []}
    for _ in range(ROUNDS):
        fresh = RuleSet(ruleset.rules, ruleset.actions, ruleset.metrics, ruleset.commands, "bench")
        found["index"].append(decide(fresh.listening, names))
        alone = RuleSet(one.rules, one.actions, one.metrics, one.commands, "bench")
        found["one"].append(decide(alone.listening, [f"Family0{number}" for number in range(EVENTS)]))
        found["loop"].append(decide(lambda name: tuple(r for r in ruleset.rules if r.listens_to(name)), names[:200]))
    index, loop, single = (statistics.median(found[key]) for key in ("index", "loop", "one"))
    again = f"one of them changed: {statistics.median(changed):.2f} s; the same again: {cached * 1e3:.2f} ms"
    print(f"compiling {count} rules: {statistics.median(timings):.2f} s; {again}")
    cold, warm, other = processes(count)
    print(f"in a new process: {cold:.2f} s; all of it kept: {warm * 1e3:.0f} ms, {warm / cold:.3f} of that;", end=" ")
    print(f"all but one rule: {other * 1e3:.0f} ms, {other / cold:.2f} of it")
    print(f"deciding about an incident: {index:.1f} us with {count} rules, {single:.1f} us with one")
    print(f"a loop over all {count} rules: {loop:.0f} us, {loop / index:.0f} times as long")
    missed = statistics.median(timings) > COMPILED_S or max(cached, warm, other) > CACHED_S or index > DECIDED_US
    return 1 if missed and count == RULES else 0


if __name__ == "__main__":
    sys.exit(main())
