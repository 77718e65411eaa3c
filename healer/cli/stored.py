"""Which store is meant by a command that asks no healer: `--data`, or what a configuration says. Used by `healer backup`,
`restore`, `replay` and `audit`."""

import argparse
from pathlib import Path

from healer.cli.failure import CALLED_WRONG, Failure
from healer.documents.problems import DocumentError
from healer.settings import load_settings
from healer.store.past import DATABASE
from healer.store.settings import Store as Place

DATA = "a data folder, a copy of its healer.db, or postgresql://USER@HOST/DATABASE"
_SERVER = "postgresql://"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Both ways to name one."""
    parser.add_argument("--data", metavar="PLACE", help=DATA)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration whose store is meant")


def meant(data: str | None, config: Path | None) -> Place:
    """Where the store is; without a word of either, where a healer without a configuration has it. Raises Failure."""
    if data is not None:
        return _named(data)
    try:
        return load_settings(config).store
    except DocumentError as error:
        raise Failure(str(error), CALLED_WRONG) from None


def one_of(arguments: argparse.Namespace) -> Place:
    """What `add_arguments` asked for. Raises Failure."""
    if arguments.data is not None and arguments.config is not None:
        raise Failure("give --data or --config, not both", CALLED_WRONG)
    return meant(arguments.data, arguments.config)


def shown(place: Place) -> str:
    """How a command says where it reads or writes."""
    return place.url if place.on_server else place.path


def _named(data: str) -> Place:
    if data.startswith(_SERVER):
        try:
            return Place(url=data)
        except ValueError as error:
            raise Failure(f"--data: {error.args[0]}, and name the file with --config", CALLED_WRONG) from None
    path = Path(data)
    file = path if path.is_file() or path.suffix == ".db" else path / DATABASE
    return Place(url=f"sqlite:///{file}")
