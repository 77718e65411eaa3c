"""Rule files on the command line: which ones, and what they compile to. Used by check, test, fmt, plan and rules."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from healer.cli.failure import CALLED_WRONG, Failure
from healer.documents.problems import DocumentError
from healer.remediation.abilities import LACKS
from healer.settings import Settings, load_settings
from healer.settings.permitted import known_kinds, permissions
from healer.topology.sources.file import read_topology
from rules import Compiled, Source, compile_files, pack_names


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """The `.heal` files that the paths name, folders searched in the order of names. Raises Failure."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.heal"))
        elif path.is_file():
            yield path
        else:
            raise Failure(f"there is no {path}", CALLED_WRONG)


def sources_of(paths: Iterable[Path]) -> list[Source]:
    """The rule files, read. Raises Failure for one that cannot be."""
    found = []
    for file in files_of(paths):
        try:
            found.append(Source(str(file), file.read_bytes()))
        except OSError as error:
            raise Failure(f"{file} cannot be read: {error.strerror}", CALLED_WRONG) from None
    return found


def compiled_files(
    paths: Iterable[Path], settings: Settings | None = None, *, packs: bool | Collection[str] = False
) -> Compiled:
    """The rules of these paths, compiled as this healer would load them; those of the configuration beside them.

    `packs` names packs that are taken besides those of the configuration; True: all that ship with healer, where no
    configuration says which. Raises Failure for one that does not exist.
    """
    own = list(paths) or [rule.path for rule in settings.rules.paths] if settings else list(paths)
    chosen: bool | list[str] = packs is True and not own
    if not isinstance(packs, bool):
        unknown = [name for name in packs if name not in pack_names()]
        if unknown:
            raise Failure(f"there is no pack {unknown[0]!r}; there are {', '.join(pack_names())}", CALLED_WRONG)
        chosen = list(packs)
    if settings is not None:
        named = [name for name in settings.rules.packs if name in pack_names()]
        chosen = list(dict.fromkeys((*named, *(chosen if isinstance(chosen, list) else []))))
    return compile_files(
        sources_of(own),
        packs=chosen,
        kinds=kinds_in(settings) if settings is not None else None,
        channels=settings.recipients if settings is not None else None,
        calendars=settings.calendars if settings is not None else None,
        permissions=permissions(settings) if settings is not None else (),
        lacks=LACKS,
    )


def kinds_in(settings: Settings) -> frozenset[str] | None:
    """The kinds of node that rules may name; None, any word, where the topology's files cannot be read."""
    try:
        return known_kinds(settings, read_topology(settings.topology.files))
    except DocumentError:
        return None  # `healer check` says what is wrong with them; rules are not blamed for it


def read_settings(file: Path | None) -> Settings | None:
    """The configuration, where one is named. Raises Failure with every mistake in it."""
    if file is None:
        return None
    try:
        return load_settings(file)
    except DocumentError as error:
        raise Failure("\n".join(map(str, error.problems)), CALLED_WRONG) from None
