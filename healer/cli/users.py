"""Who may do what. Accounts stand in the configuration (`server.auth.users`), with hashes of tokens, never with tokens.

healer users token ann --role operator --out ~/.healer-token     a new token, and the lines for the configuration
healer users list
healer users me                                                  who healer takes you for
"""

import argparse
from pathlib import Path
from typing import get_args

from healer.accounts.settings import Role
from healer.accounts.tokens import new_token, token_hash
from healer.cli import connection
from healer.cli.connection import Json
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.private_file import write_new
from healer.seams import SystemRandom
from healer.web.settings import NAME

ROLES: tuple[str, ...] = get_args(Role)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="token|list|me")
    made = ways.add_parser("token", help="a new token: shown once, kept nowhere; healer gets its hash")
    made.add_argument("name", metavar="NAME", help="whose it is")
    made.add_argument("--role", choices=ROLES, default="viewer", help="what they may do (else viewer)")
    made.add_argument("--out", type=Path, metavar="FILE", help="a new file for the token, for its owner alone")
    for way, meaning in (("list", "all accounts with their rights"), ("me", "who healer takes you for")):
        connection.add_arguments(ways.add_parser(way, help=meaning))


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.way == "token":
        return _token(arguments, output)
    link = connection.connect(arguments, output)
    found = link.get("/api/v1/users" if arguments.way == "list" else "/api/v1/users/me")
    if arguments.json:
        output.json(found)
        return 0
    items = found["items"] if arguments.way == "list" else [found]
    output.table(("NAME", "ROLE", "TEAMS", "GRANTS"), map(_row, items), empty="nobody has an account (server.auth)")
    if arguments.way == "me" and found["known"] == "open":
        output.aside("This healer asks nobody who they are: everybody who reaches it may do everything (server.auth).")
    if arguments.way == "me" and found["known"] == "shared":
        output.aside("Many may have this token, so healer does not know you: ask for one of your own.")
    return 0


def _row(account: Json) -> tuple[str, ...]:
    return (
        account["name"] or "(everybody)",
        account["role"],
        ", ".join(account["teams"]) or "-",
        "; ".join(map(_grant, account["grants"])) or "-",
    )


def _grant(grant: Json) -> str:
    actions = "all actions" if grant["actions"] is None else ", ".join(grant["actions"])
    return f"{grant['role']} for {actions}" + (f" on {' and '.join(grant['nodes'])}" if grant["nodes"] else "")


def _token(arguments: argparse.Namespace, output: Output) -> int:
    if not NAME.fullmatch(arguments.name):
        raise Failure(f"{arguments.name!r} is no name: letters, digits and . _ @ -, at most 100", CALLED_WRONG)
    token = new_token(SystemRandom())
    if arguments.out:
        write_new(arguments.out, token)
        output.aside(
            f"The token is in {arguments.out}: give it to {arguments.name}, who points HEALER_TOKEN_FILE at it."
        )
    else:
        output.aside("The token, shown this once:")
        output.line(token)
    output.aside("Into the configuration, then `systemctl reload healer`, or POST /-/reload:")
    for line in (
        *("server:", "  auth:", "    users:", f"      {arguments.name}:"),
        *(f"        role: {arguments.role}", f'        tokens: ["{token_hash(token)}"]'),
    ):
        output.line(line)
    return 0
