"""The examples in README and docs are true: commands parse, targets exist, settings load, rules compile.

docs/configuration.md, docs/rule-language.md and docs/convergence.md have tests of their own beside this one.
"""

import importlib
import re
import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from healer.cli.main import COMMANDS, parser_of
from healer.settings import parse_settings
from healer.topology.sources.file import parse_topology
from rules import Source, compile_files, format_problem

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "deploy" / "README.md",
]
ELSEWHERE = {"configuration.md", "rule-language.md", "convergence.md"}
TARGETS = set(
    re.findall(r"[a-z]+", " ".join(re.findall(r"^([a-z ]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE)))
)
KINDS = {"sh", "yaml", "yaml topology", "heal", "json", "text", "ini"}
_FENCE = re.compile(r"^( *)```([a-z ]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(?:\.venv/bin/)?(healer [^`]+)`")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    kind: str
    text: str


class Environment(Mapping[str, str]):
    """An environment in which every variable is set."""

    def __getitem__(self, name: str) -> str:
        token = "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi"
        if name.endswith(("_KEY", "_HOOK")):
            return "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
        return {
            "DINGTALK_TOKEN": "d" * 64,
            "OUTBOUND_PROXY": "http://proxy.example:3128",
            "HOOK_URL": "https://tickets.example/hook",
            "HOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WECOM_AES": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
        }.get(name, token)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def blocks(*kinds: str, everywhere: bool = False) -> list[Any]:
    """The blocks of these kinds, as parameters with a name."""
    found = []
    for page in PAGES:
        for number, match in enumerate(_FENCE.finditer(page.read_text("utf-8"))):
            indent, kind, text = match.groups()
            own = everywhere or page.name not in ELSEWHERE
            if own and kind in kinds:
                plain = "\n".join(line.removeprefix(indent) for line in text.splitlines()) + "\n"
                found.append(pytest.param(Block(page.name, kind, plain), id=f"{page.name}-{number}"))
    assert found
    return found


def parse(words: list[str]) -> None:
    """Parse one `healer` command. Raises Failure, SystemExit or AssertionError for what would not work."""
    assert words[0] in COMMANDS, words
    parser_of(words[0], importlib.import_module(COMMANDS[words[0]].module)).parse_args(words[1:])


@pytest.mark.parametrize("block", blocks("sh"))
def test_a_shell_example_can_be_typed(block: Block) -> None:
    """Every line is a command of healer that parses, a target of the Makefile, or kubectl with files that ship."""
    for line in (part for whole in block.text.splitlines() for part in whole.split(" | ")):
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert words[0] in TARGETS, line
        elif program == "kubectl":
            files = [after for before, after in pairwise(words) if before == "-f" and after != "-"]
            assert all((ROOT / file).is_file() for file in files), line
        else:
            assert program in ("healer", ".venv/bin/healer"), line
            parse(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_named_in_a_sentence_exists(page: Path) -> None:
    """`healer why FINGERPRINT` in a text parses too, with its placeholders taken as words."""
    for found in _INLINE.findall(_FENCE.sub("", page.read_text("utf-8"))):
        command = [word for word in shlex.split(found, comments=True)[1:] if word != "..."]
        if command[0].startswith("-") or command[0] == "COMMAND":
            continue
        assert command[0] in COMMANDS, found
        if command[0] == "topology" and command[1] in ("show", "map", "path", "unmapped") and "--config" not in command:
            command += ["--config", "healer.yaml"]
        if len(command) > 1:
            parse(command)


def test_every_block_says_what_it_is() -> None:
    """A fence without a kind, or of a kind that nothing looks at, would be an example that may be wrong."""
    kinds = {(page.name, found[1]) for page in PAGES for found in _FENCE.findall(page.read_text("utf-8"))}
    assert {(name, kind) for name, kind in kinds if name not in ELSEWHERE and kind not in KINDS} == set()


@pytest.mark.parametrize("block", blocks("yaml"))
def test_an_example_of_settings_loads(block: Block, tmp_path: Path) -> None:
    """Secrets in files are taken as if the files were there."""
    text = re.sub(r"\{file: [^}]*token[^}]*\}", "{env: TOKEN}", block.text)
    parse_settings(text, Environment(), str(tmp_path / "healer.yaml"))


@pytest.mark.parametrize("block", blocks("yaml topology"))
def test_an_example_of_a_topology_loads(block: Block) -> None:
    assert parse_topology(block.text.encode(), "topology.yaml").edges


@pytest.mark.parametrize("block", blocks("heal"))
def test_an_example_of_a_rule_compiles(block: Block) -> None:
    compiled = compile_files([Source(block.page, block.text)])
    assert compiled.ruleset is not None, "\n".join(map(format_problem, compiled.problems))


@pytest.mark.parametrize("block", blocks("json"))
def test_an_example_of_json_is_json(block: Block) -> None:
    assert msgspec.json.decode(block.text)


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in readme]
    assert missing == []
