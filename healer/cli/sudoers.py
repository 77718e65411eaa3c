"""The files that let healer repair a machine, and do nothing else there: for the rules in use, least privilege.

healer sudoers --config /etc/healer/healer.yaml                  all of them, with where each belongs
healer sudoers --config /etc/healer/healer.yaml --only sudoers   one of them, to be put into its place
"""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from healer.cli.allowed import Unlistable, lines
from healer.cli.failure import FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files, read_settings
from healer.executors.ssh_settings import SshSettings

FILES = {
    "sudoers": "/etc/sudoers.d/healer (root's, mode 0440; check with visudo -c)",
    "authorized_keys": "~{user}/.ssh/authorized_keys (the user's or root's, mode 0600)",
    "allow": "/etc/healer/allow (root's, mode 0644)",
    "jump": "~{user}/.ssh/authorized_keys on the jump hosts",
}
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", required=True, help="the configuration of healer")
    parser.add_argument("--only", choices=FILES, help="this file alone")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    settings = read_settings(arguments.config)
    ssh = settings.executors.ssh if settings is not None else None
    if settings is None or ssh is None:
        raise Failure(f"{arguments.config} has no executors.ssh: healer reaches no machine over SSH", FOUND_WRONG)
    compiled = compiled_files([], settings)
    if compiled.ruleset is None:
        raise Failure(f"the rules have mistakes: healer check --config {arguments.config} says which", FOUND_WRONG)
    try:
        made = files(ssh, lines(compiled.ruleset), _public_key(ssh))
    except Unlistable as error:
        raise Failure(str(error), FOUND_WRONG) from None
    if arguments.json:
        output.json({name: text for name, text in made.items() if arguments.only in (None, name)})
    elif arguments.only is not None:
        output.console.file.write(made.get(arguments.only, ""))
    else:
        for name, text in made.items():
            output.line(f"# {FILES[name].format(user=ssh.user)}", "bold")
            output.console.file.write(text + "\n")
    return 0


def files(ssh: SshSettings, commands: list[str], key: str) -> Mapping[str, str]:
    """The files by their names in FILES. Pure. Raises Failure for a user that sudoers could read as more than one word."""
    users = sorted({ssh.user, *(host.user for host in ssh.hosts.values() if host.user)})
    for user in users:
        if not _USER.fullmatch(user):
            raise Failure(f"executors.ssh: {user!r} is no name of a user that sudoers takes", FOUND_WRONG)
    plain = [user for user in users if user != "root"]
    sudoers = "".join(f'{user} ALL=(root) NOPASSWD: {ssh.wrapper} ""\n' for user in plain)
    sudo = "sudo -n " if plain else ""
    found = {
        "sudoers": sudoers,
        "authorized_keys": f'command="{sudo}{ssh.wrapper}",restrict {key}\n',
        "allow": "# What healer's rules run; without this file anything that healer orders would run.\n"
        + "".join(f"{line}\n" for line in commands),
        "jump": f'command="/bin/false",restrict,port-forwarding {key}\n' if ssh.jumps else "",
    }
    return {name: text for name, text in found.items() if text}


def _public_key(ssh: SshSettings) -> str:
    """The public half beside the first private key, or a place for it."""
    for key in ssh.keys[:1]:
        try:
            words = Path(f"{key}.pub").read_text("utf-8").split()
        except (OSError, UnicodeDecodeError):
            continue
        if len(words) >= 2:
            return " ".join((*words[:2], "healer"))
    return "ssh-ed25519 AAAA... healer"
