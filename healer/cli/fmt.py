"""Rule files in their one canonical layout. Comments stay, and so does the meaning.

healer fmt rules/              rewrite the files that are laid out otherwise
healer fmt --check rules/      say which, and change nothing; exit 1 when there is one
"""

import argparse
import os
from pathlib import Path

from healer.cli.compiler import show
from healer.cli.failure import FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import files_of
from healer.cli.words import counted
from rules import format_problem
from rules.layout import lay_out, tokens_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="rule files, or folders of them")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    changed: list[str] = []
    errors: list[str] = []
    files = list(files_of(arguments.paths))
    for file in files:
        before = _read(file)
        after, report = lay_out(str(file), before)
        if after is None:
            errors.extend(format_problem(problem) for problem in report.problems if problem.severity == "error")
            continue
        if tokens_of(after) != tokens_of(report.text):
            raise Failure(f"{file} is left alone: its layout would change its meaning, which is a mistake of healer's")
        if after.encode() == before:
            continue
        changed.append(str(file))
        if not arguments.check:
            _write(file, after)
    if arguments.json:
        output.json({"files": len(files), "changed": changed, "errors": errors})
    else:
        _say(output, changed, errors, len(files), check=arguments.check)
    return FOUND_WRONG if errors or (arguments.check and changed) else 0


def _say(output: Output, changed: list[str], errors: list[str], files: int, *, check: bool) -> None:
    for error in errors:
        show(output, error, "red")
    for file in changed:
        output.line(f"{file}: {'would be' if check else 'was'} laid out anew")
    if not errors:
        left = files - len(changed)
        output.line(f"{counted(left, 'file')} {'is as it' if left == 1 else 'are as they'} should be", "green")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a reload may look at any moment."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_bytes(text.encode())
        beside.chmod(file.stat().st_mode & 0o7777)
        os.replace(beside, file)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from None
