"""The `healer` command: which word starts which module.

Called by the installed script. A command's module is loaded when the command is called and not before, because loading
them all takes longer than most of them run; each has `add_arguments(parser)` and `run(arguments, output)`.
"""

import argparse
import difflib
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from healer.cli.failure import CALLED_WRONG, Failure

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


class Command(NamedTuple):
    """The module that answers a command, what it does (for `healer --help`), and its way where none is named."""

    module: str
    help: str
    way: str = ""


COMMANDS = {
    "serve": Command("healer.cli.serve", "run the service"),
    "check": Command("healer.cli.check", "what is wrong with configuration, topology and rules, all at once"),
    "test": Command("healer.cli.test", "run the tests of rules, on a virtual clock; nothing outside is touched"),
    "fmt": Command("healer.cli.fmt", "rule files in their one canonical layout"),
    "lsp": Command("healer.cli.lsp", "a language server for rule files; editors start it"),
    "plan": Command("healer.cli.plan", "what would happen for this alert now; runs nothing"),
    "rules": Command("healer.cli.rules", "what each rule has done, would have done, and may do now", "list"),
    "actions": Command("healer.cli.actions", "what a rule can do: the actions, what each takes, runs and risks"),
    "rbac": Command(
        "healer.cli.rbac", "the roles that let healer repair what a cluster runs, and do nothing else there"
    ),
    "sudoers": Command("healer.cli.sudoers", "the files that let healer repair a machine, and do nothing else there"),
    "doctor": Command("healer.cli.doctor", "what is wrong with this installation, and how to mend it"),
    "incidents": Command("healer.cli.incidents", "what is going on", "list"),
    "alerts": Command("healer.cli.alerts", "the alerts behind it, each with its status and reason"),
    "why": Command("healer.cli.why", "why an alert was, or was not, told"),
    "remediation": Command("healer.cli.remediation", "what was done about it", "list"),
    "silence": Command("healer.cli.silence", "alerts that are not to be spoken of for a while", "list"),
    "maintenance": Command(
        "healer.cli.maintenance", "nodes that somebody works on: nobody is told, nothing is repaired", "list"
    ),
    "notify": Command("healer.cli.notify", "a test message, to see that a channel reaches people"),
    "notifications": Command(
        "healer.cli.notifications", "what each channel was told, and what nobody could be told", "list"
    ),
    "oncall": Command("healer.cli.oncall", "who is on call, now or at another time, and who is next"),
    "report": Command("healer.cli.report", "the noise budget: what came, what people were told, what was repaired"),
    "users": Command("healer.cli.users", "who may do what, and tokens for them", "list"),
    "audit": Command("healer.cli.audit", "the log of decisions and effects: is it as it was written?", "list"),
    "pause": Command("healer.cli.pause", "the kill switch: no repair starts any more"),
    "resume": Command("healer.cli.pause", "let repairs start again"),
    "topology": Command("healer.cli.topology", "what can fail, who says so, and where an alert sits", "show"),
    "converge": Command("healer.cli.converge", "what comes of alerts and a topology from files; no service needed"),
    "replay": Command("healer.cli.replay", "the past again: the same decisions? Or, with other settings, which?"),
    "backup": Command("healer.cli.backup", "all that healer keeps, of one moment, as one file; while it runs"),
    "restore": Command("healer.cli.restore", "a store out of a backup, in SQLite or on PostgreSQL"),
    "agents": Command("healer.cli.agents", "machines that dial in for their orders: list, invite, remove", "list"),
    "agent": Command("healer.cli.agent", "the agent: does on this machine what healer orders, and dials out for it"),
    "drill": Command("healer.cli.drill", "a rehearsal: a made-up fault through the whole loop, with a report"),
    "storm": Command("healer.cli.storm", "send a recorded storm to a running healer"),
    "version": Command("healer.cli.version", "which healer this is"),
}

ABOUT = "Many alerts in, one cause out: repaired, verified, told once."
EPILOG = """Exit code 0: fine; 1: something is wrong; 2: called wrong. `healer COMMAND --help` says more.
What can be listed is listed by the command alone: `healer incidents`."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with what was probably meant."""

    def error(self, message: str) -> NoReturn:
        raise Failure(f"{message} (see `{self.prog} --help`)", CALLED_WRONG)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words, alone=argv is None)
    except Failure as failure:
        print(f"healer: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output (`| head`) has enough. What is still buffered must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: list[str], *, alone: bool) -> int:
    """`alone`: the process is this command's own, and may be told where it keeps things."""
    if words[:1] == ["--version"]:
        words = ["version"]
    if not words or words[0] in ("-h", "--help", "help"):
        print(_usage(), end="")
        return 0 if words else CALLED_WRONG
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean `healer {near[0]}`?" if near else "`healer --help` lists the commands"
        raise Failure(f"there is no command {name!r}; {hint}", CALLED_WRONG)
    module = _loaded(COMMANDS[name].module)
    if alone and "rules" in sys.modules:  # loading the compiler takes longer than most commands run
        importlib.import_module("healer.cli.keeping").keep()
    if (way := COMMANDS[name].way) and _names_no_way(rest):
        rest = [way, *rest]
    arguments = parser_of(name, module).parse_args(rest)
    code: int = module.run(arguments)
    sys.stdout.flush()
    return code


def _names_no_way(words: Sequence[str]) -> bool:
    """Whether nothing, or nothing but options, is said after a command."""
    return not words or (words[0].startswith("-") and words[0] not in ("-h", "--help"))


def _loaded(module: str) -> Any:
    """A command's module. The collector rests meanwhile, since nothing that is loaded is ever garbage: a tenth of the time."""
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.enable()


def parser_of(name: str, module: Any) -> argparse.ArgumentParser:
    """The arguments of one command."""
    parser = _Parser(
        prog=f"healer {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=name)
    module.add_arguments(parser)
    return parser


def _usage() -> str:
    lines = [f"  {name:<15}{command.help}" for name, command in COMMANDS.items()]
    return "\n".join(["usage: healer COMMAND ...", "", ABOUT, "", *lines, "", EPILOG, ""])
