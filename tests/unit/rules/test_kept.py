"""Compiled rules that outlive a process: the same as without, and never taken where anything else would come out."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import Compiled, Permission, Source, compile_files, keep_in, kept, pieces
from rules.compiling import _compile
from rules.parsing import _remembered
from rules.windows import Window, read_window

RULE = 'rule "{name}"\n  on event: "{name}"\n  when: {when}\n  then: execute("restart_service", unit: "a.service")\n'
PARTS = (
    RULE.format(name="plain", when="severity >= critical"),
    RULE.format(name="moved", when="duration > 30s"),
    RULE.format(name="doubtful", when='labels.env != "lab"'),  # a warning
    RULE.format(name="measured", when="fill > 90%"),
    RULE.format(name="mistaken", when="sevrity >= critical"),
    RULE.format(name="weekend", when='window("Sat 00:00 - Mon 00:00 UTC") AND "rack/r1" in ancestors(rack)'),
    RULE.format(name="plain", when="severity >= warning"),  # a name that is there already
    'metric fill: percentage = query("disk_used{instance=\\"{{ node.instance }}\\"}")\n',
    'metric fill: percentage = query("disk_filled")\n',
    'action "look"\n  run: ssh ["/usr/bin/uptime"]\n  changes: nothing\n',
    'rule "looking"\n  on event: "Slow"\n  then: execute("look")\n',
    'test "it looks"\n  given: node "host/a"\n  given: alert "Slow" {instance: "a"}\n  expect: execute("look")\n',
    'test "it is idle"\n  given: alert "Nobody"\n  expect: nothing\n',
    'on event: "Nameless"\nthen: notify("oncall", message: "{{ alertname }}")\n',
    "# nothing but a remark\n\n",
    'rule "open"\n  on event: "Open"\n  when: (severity >= critical\n  then: notify("oncall")\n',
    "stray words\n",
)


def forget() -> None:
    """What a process remembers is gone, as in a new one."""
    _compile.cache_clear()
    _remembered.cache_clear()
    pieces._remembered.clear()


def read_anew() -> int:
    """How many clauses were read since `forget`."""
    return _remembered.cache_info().misses


def told(compiled: Compiled) -> tuple[object, ...]:
    """All that a compiled set says."""
    found = compiled.ruleset
    if found is None:
        return None, compiled.problems
    definitions = [list(one.items()) for one in (found.actions, found.metrics, found.commands)]
    return found.rules, found.tests, definitions, found.version, compiled.problems


def anew(sources: Sequence[Source], folder: Path | None, **conditions: Any) -> tuple[object, ...]:
    """What a new process with that folder compiles."""
    forget()
    keep_in(folder)
    try:
        return told(compile_files(sources, packs=False, **conditions))
    finally:
        keep_in(None)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "compiled"
    forget()


FILES = st.lists(st.lists(st.sampled_from(PARTS), max_size=5).map("".join), min_size=1, max_size=3)


@given(FILES, FILES)
def test_nothing_is_other_than_without(before: list[str], after: list[str]) -> None:
    """Whatever was kept before, the same rules, tests, definitions, versions and problems come out as without."""
    with tempfile.TemporaryDirectory() as name:
        for texts in (before, after, after, before):
            sources = [Source(f"{number}.heal", text) for number, text in enumerate(texts)]
            assert anew(sources, Path(name)) == anew(sources, None)


def test_what_ships_is_read_back_as_it_was(folder: Path) -> None:
    """All packs, which use most of the language, come back equal from the folder, and no clause is read."""
    first = anew_with_packs(folder)
    assert anew_with_packs(folder) == first == anew_with_packs(None)
    anew_with_packs(folder)
    assert read_anew() == 0


def anew_with_packs(folder: Path | None) -> tuple[object, ...]:
    forget()
    keep_in(folder)
    try:
        return told(compile_files([]))
    finally:
        keep_in(None)


def rules_of(number: int, seconds: int) -> str:
    return "".join(
        RULE.format(name=f"r{number}-{each}", when=f"duration > {seconds + each}s AND value > {number}")
        for each in range(10)
    )


def test_a_change_in_one_file_compiles_that_rule_alone(folder: Path) -> None:
    """Of a hundred rules in ten files, a new process reads the clauses of the one that changed, and moves what is below it."""
    sources = [Source(f"{number}.heal", rules_of(number, 30)) for number in range(10)]
    anew(sources, folder)
    changed = rules_of(3, 30).replace("duration > 34s", "duration > 7m\n   OR duration < 2s")
    sources[3] = Source("3.heal", changed)
    found = anew(sources, folder)
    assert 1 <= read_anew() <= 3
    assert found == anew(sources, None)


def test_a_process_compiles_again_only_what_changed() -> None:
    """Without any folder, a rule that changed is the only one that is compiled."""
    anew([Source("x.heal", rules_of(1, 30))], None)
    read = read_anew()
    compile_files([Source("x.heal", "\n\n" + rules_of(1, 30).replace("31s", "51s"))], packs=False)
    assert 1 <= read_anew() - read <= 3


def test_what_rules_refer_to_counts(folder: Path) -> None:
    """A metric that changed in another file is a change of the rules that use it."""
    rule = Source("rule.heal", PARTS[3])
    for text in (PARTS[7], PARTS[8], "", PARTS[7]):
        sources = [Source("metrics.heal", text), rule]
        assert anew(sources, folder) == anew(sources, None)


@pytest.mark.parametrize(
    "conditions",
    [
        {"kinds": frozenset({"host"})},
        {"channels": ("team",)},
        {"calendars": ("cn-freeze",)},
        {"severities": ("ticket", "page")},
        {"lacks": ("message",)},
        {"permissions": (Permission(path="0.heal", actions=("reboot_node",)),)},
        {"permissions": (Permission(path="0.heal", nodes=('owner="a"',)),)},
    ],
    ids=str,
)
def test_other_conditions_are_another_set(folder: Path, conditions: dict[str, Any]) -> None:
    """What was compiled under some conditions is nothing under others."""
    sources = [Source("0.heal", PARTS[0] + PARTS[5] + PARTS[13].replace("on event", 'rule "n"\non event'))]
    anew(sources, folder)
    wanted = anew(sources, None, **conditions)
    assert anew(sources, folder, **conditions) == wanted
    compile_files(sources, packs=False)
    assert told(compile_files(sources, packs=False, **conditions)) == wanted
    forget()
    compile_files(sources, packs=False)
    assert told(compile_files(sources, packs=False, **conditions)) == wanted


def test_a_text_and_its_path_are_not_taken_for_one_another(folder: Path) -> None:
    """Files that swap their names, or their boundaries, are other files."""
    one, other = PARTS[0], PARTS[1]
    for sources in (
        [Source("a.heal", one), Source("b.heal", other)],
        [Source("a.heal", other), Source("b.heal", one)],
        [Source("a.heal", one + other), Source("b.heal", "")],
        [Source("a.heal", (one + other).encode()), Source("b.heal", b"")],
    ):
        assert anew(sources, folder) == anew(sources, None)


@given(st.data())
def test_a_damaged_entry_is_as_if_there_were_none(data: st.DataObject) -> None:
    """Cut short, longer, or with other bytes in it: the files are compiled, and kept whole again."""
    sources = [Source("x.heal", PARTS[0] + PARTS[2] + PARTS[9] + PARTS[10])]
    with tempfile.TemporaryDirectory() as name:
        wanted = anew(sources, Path(name))
        (entry,) = Path(name).iterdir()
        whole = entry.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        cut, more = whole[:at], whole + data.draw(st.binary(min_size=1, max_size=9))
        flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        entry.write_bytes(data.draw(st.sampled_from([cut, more, flipped])))
        assert anew(sources, Path(name)) == wanted
        assert entry.read_bytes() == whole


def test_an_error_is_found_again(folder: Path) -> None:
    """A set that does not compile is compiled again: what is wrong with it may be the world's fault, and be mended."""
    sources = [Source("x.heal", PARTS[0] + PARTS[4])]
    for _ in range(2):
        problems = anew(sources, folder)[1]
        assert [problem.code for problem in problems] == ["E0201"]  # type: ignore[attr-defined] # they are problems
        assert read_anew() > 0


def test_a_zone_that_is_gone_is_not_believed() -> None:
    """A window in a time zone that this machine does not know is not read back."""
    kept = msgspec.msgpack.encode(read_window("Mon-Fri 09:00 - 17:00 UTC"))
    assert msgspec.msgpack.decode(kept, type=Window).zone == "UTC"
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(kept.replace(b"UTC", b"UTX"), type=Window)


def test_a_path_that_is_no_text_is_compiled_all_the_same(folder: Path) -> None:
    """A file whose name is not UTF-8 is never kept, and compiles."""
    sources = [Source("a\udcff.heal", PARTS[0])]
    assert anew(sources, folder) == anew(sources, None)
    assert not folder.exists()


@pytest.mark.parametrize("of", ["code", "version"])
def test_what_another_version_kept_is_not_found(folder: Path, monkeypatch: pytest.MonkeyPatch, of: str) -> None:
    """Another text of this package, or another version of what it is built with: everything is compiled again."""
    sources = [Source("x.heal", PARTS[0])]
    anew(sources, folder)
    before = kept.fingerprint()
    code = dict(kept._code_of(files("rules")))
    if of == "code":
        code["packs/actions.heal"] += b"\n"
        monkeypatch.setattr(kept, "_code_of", lambda _: list(code.items()))
    else:
        monkeypatch.setattr(kept, "_version", lambda name: f"{version(name)}.post1")
    kept.fingerprint.cache_clear()
    try:
        assert kept.fingerprint() != before
        found = anew(sources, folder)
        assert read_anew() > 0
    finally:
        kept.fingerprint.cache_clear()
    monkeypatch.undo()
    assert found == anew(sources, folder)
    assert read_anew() == 0


def test_another_process_reads_nothing_that_was_read(tmp_path: Path) -> None:
    """A second process takes the set from the folder."""
    code = (
        "import sys; from pathlib import Path; from rules import Source, compile_files, keep_in\n"
        "from rules.parsing import _remembered\n"
        "keep_in(Path(sys.argv[1])); found = compile_files([Source('x.heal', sys.argv[2])], packs=False)\n"
        "print(found.ruleset.version, _remembered.cache_info().misses > 0)\n"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "compiled"), PARTS[0]]
    first, second = (subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() for _ in range(2))
    assert (first[1], second) == ("True", [first[0], "False"])
