"""The command itself: what it says when it is called, and called wrong."""

import importlib
import subprocess
import sys

import pytest

from healer.cli.main import COMMANDS, main, parser_of

HELP = """
import sys
from healer.cli.main import main
code = main(["--help"])
loaded = [name for name in sys.modules if name.split(".")[0] in ("aiohttp", "sqlalchemy", "rich", "msgspec", "rules")]
assert not loaded, loaded
sys.exit(code)
"""


def test_help_names_every_command_and_loads_none() -> None:
    """`healer --help` is instant, because it loads nothing but itself."""
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_can_be_asked_for_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the table has a module that describes itself."""
    module = importlib.import_module(COMMANDS[name].module)
    with pytest.raises(SystemExit) as stopped:
        parser_of(name, module).parse_args(["--help"])
    assert stopped.value.code == 0
    assert f"usage: healer {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.way])
def test_what_a_command_does_alone_needs_nothing_else(name: str) -> None:
    """The way that is meant where none is named is one of the command's, and asks for no more words."""
    way = COMMANDS[name].way
    parser = parser_of(name, importlib.import_module(COMMANDS[name].module))
    assert parser.parse_args([way]).way == way


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["incident"], "did you mean `healer incidents`?"),
        (["zzz"], "`healer --help` lists the commands"),
        (["notify"], "required: test|preview"),
        (["incidents", "lst"], "invalid choice: 'lst'"),
        (["why"], "required: FINGERPRINT|LABELS"),
        (["check"], "nothing to check: give --config FILE, or paths"),
        (["pause", "--scope", "all", "--rule", "x"], "not allowed with argument"),
        (["why", "nonsense"], "neither a fingerprint nor labels"),
        (["alerts", "--url", "ftp://x"], "is no URL"),
        (["alerts", "--token-file", "/nowhere/token"], "cannot be read"),
        (["incidents", "show", "../x"], "is no incident's id"),
        (["storm", "--url", "http://healer.example"], "add --yes if that is meant"),
    ],
)
def test_a_command_called_wrong_exits_with_2(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever calls a command wrong gets one sentence that says what would be right, and 2."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: healer COMMAND" in capsys.readouterr().out


def test_version_as_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("healer ")
