"""What an editor asks of rule files, and the answers: one loop over the messages of one client. Called by `healer lsp`.

Compiles the open file together with its neighbours, as they are on the disk or, where they are open too, in the editor; in
the order of `healer check`, so that of two rules with one name the same one is the second.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import msgspec

from healer.cli.lsp_wire import INTERNAL_ERROR, METHOD_NOT_FOUND, PARSE_ERROR, Broken, messages, send
from healer.remediation.abilities import LACKS
from rules import Compiled, Permission, Problem, RuleSet, Source, compile_files
from rules.editing import complete, hover
from rules.layout import lay_out

MAX_NEIGHBOURS = 500
"""Files that are compiled together with the open one."""
_KINDS = {
    "clause": 14,
    "name": 6,
    "function": 3,
    "metric": 21,
    "action": 12,
    "parameter": 5,
    "value": 20,
    "keyword": 14,
}
"""CompletionItemKind of the protocol."""
_ABLE = {
    "textDocumentSync": {"openClose": True, "change": 1, "save": True},
    "completionProvider": {"triggerCharacters": ['"', ".", ":", "("]},
    "hoverProvider": True,
    "documentFormattingProvider": True,
}


class Surroundings(msgspec.Struct, frozen=True):
    """What a configuration says that rules are checked against; None: any word may be one."""

    kinds: frozenset[str] | None = None
    channels: tuple[str, ...] | None = None
    calendars: tuple[str, ...] | None = None
    permissions: tuple[Permission, ...] = ()
    packs: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    """Where its rules are; none: the folder of the open file."""


class File(NamedTuple):
    """One file as it is compiled, and what the editor calls it."""

    source: Source
    uri: str


class NoSuchMethod(Exception):
    """The client asks for something that is not offered."""


def serve(incoming: BinaryIO, outgoing: BinaryIO, surroundings: Surroundings) -> int:
    """Answer until the client says `exit`: 0 after `shutdown`, 1 without."""
    server = Server(outgoing, surroundings)
    try:
        for message in messages(incoming):
            if isinstance(message, dict) and message.get("method") == "exit":
                break
            server.hear(message)
    except Broken:
        return 1
    return 0 if server.shut_down else 1


class Server:
    """One client's documents."""

    def __init__(self, outgoing: BinaryIO, surroundings: Surroundings) -> None:
        self._out = outgoing
        self._surroundings = surroundings
        self._open: dict[str, str] = {}
        self._told: dict[str, list[dict[str, Any]]] = {}
        """By URI, what is wrong with a file as the editor has it."""
        self._known: RuleSet = _empty()
        self.shut_down = False

    def hear(self, message: Any) -> None:
        """Carry out one message, and answer it if it is a request."""
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            if message is None:
                send(self._out, {"id": None, "error": {"code": PARSE_ERROR, "message": "that is no JSON"}})
            return
        method, id = message["method"], message.get("id")
        params = message.get("params")
        try:
            result = self._carry_out(method, params if isinstance(params, dict) else {})
        except NoSuchMethod:
            error = {"code": METHOD_NOT_FOUND, "message": f"{method} is not offered"}
            self._answer(id, {"error": error})
        except Exception as mistake:  # noqa: BLE001 - a mistake in one answer must not end the editor's session
            self._answer(id, {"error": {"code": INTERNAL_ERROR, "message": f"{type(mistake).__name__}: {mistake}"}})
        else:
            self._answer(id, {"result": result})

    def _answer(self, id: Any, what: dict[str, Any]) -> None:
        if id is not None:
            send(self._out, {"id": id, **what})

    def _carry_out(self, method: str, params: dict[str, Any]) -> Any:
        match method:
            case "initialize":
                return {"capabilities": _ABLE, "serverInfo": {"name": "healer"}}
            case "shutdown":
                self.shut_down = True
                return None
            case "textDocument/didOpen":
                self._changed(params["textDocument"]["uri"], params["textDocument"]["text"])
            case "textDocument/didChange":
                self._changed(params["textDocument"]["uri"], params["contentChanges"][-1]["text"])
            case "textDocument/didSave":
                self._check(params["textDocument"]["uri"])
            case "textDocument/didClose":
                self._open.pop(params["textDocument"]["uri"], None)
                self._publish(params["textDocument"]["uri"], [])
                self._told.pop(params["textDocument"]["uri"], None)
            case "textDocument/completion":
                return self._complete(params)
            case "textDocument/hover":
                return self._hover(params)
            case "textDocument/formatting":
                return self._format(params["textDocument"]["uri"])
            case _:
                # Notifications that nobody needs to understand are passed over; requests are refused.
                if not method.startswith(("$/", "initialized", "workspace/did", "textDocument/did")):
                    raise NoSuchMethod(method)
        return None

    # --- mistakes

    def _changed(self, uri: str, text: str) -> None:
        self._open[uri] = text
        self._check(uri)

    def _check(self, uri: str) -> None:
        """Tell what is wrong with the file, and what that changed for others: one may need what another one defines."""
        files = list(self._files(uri))
        compiled = self._compiled(files)
        if compiled.ruleset is not None:
            self._known = compiled.ruleset
        for file in sorted(files, key=lambda file: file.uri != uri):
            text = _text(file.source)
            wrong = [_diagnostic(problem, text) for problem in compiled.problems if problem.path == file.source.path]
            if file.uri == uri or wrong != self._told.get(file.uri, []):
                self._publish(file.uri, wrong)

    def _compiled(self, files: list[File]) -> Compiled:
        around = self._surroundings
        return compile_files(
            [file.source for file in files],
            packs=around.packs,
            kinds=around.kinds,
            channels=around.channels,
            calendars=around.calendars,
            permissions=around.permissions,
            lacks=LACKS,
        )

    def _files(self, uri: str) -> Iterator[File]:
        """The file, and all that are compiled together with it: those of the configuration, or of its own folder."""
        mine = path_of(uri).resolve()
        # One file may have two names: the editor's, and the one by which its folder's permissions are found.
        opened = {path_of(each).resolve(): (each, text) for each, text in self._open.items()}
        beside = self._beside(mine, opened)
        for real, file in {**beside, mine: beside.get(mine, mine)}.items():
            if real in opened:
                name, text = opened[real]
                yield File(Source(str(file), text), name)
                continue
            try:
                yield File(Source(str(file), file.read_bytes()), real.as_uri())
            except OSError:
                continue  # it went away meanwhile: whoever needs it is told by its mistakes

    def _beside(self, mine: Path, opened: Collection[Path]) -> dict[Path, Path]:
        """The names that `healer check` has for the files, in its order, by what they really are."""
        paths = self._surroundings.paths
        found = [file for path in paths for file in _below(path, opened)] if paths else _inside(mine.parent, opened)
        return {file.resolve(): file for file in found[:MAX_NEIGHBOURS]}

    def _publish(self, uri: str, wrong: list[dict[str, Any]]) -> None:
        self._told[uri] = wrong
        send(self._out, {"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": wrong}})

    # --- words

    def _complete(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        text, offset = self._place(params)
        around = self._surroundings
        offered = complete(text, offset, self._known, around.channels or (), around.calendars or ())
        return [{"label": one.word, "kind": _KINDS[one.kind], "detail": one.detail} for one in offered]

    def _hover(self, params: dict[str, Any]) -> dict[str, Any] | None:
        text, offset = self._place(params)
        said = hover(text, offset, self._known)
        return {"contents": {"kind": "markdown", "value": said}} if said else None

    def _format(self, uri: str) -> list[dict[str, Any]]:
        text = self._open.get(uri, "")
        laid, _ = lay_out(str(path_of(uri)), text)
        if laid is None or laid == text:
            return []
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": text.count("\n") + 1, "character": 0}}
        return [{"range": whole, "newText": laid}]

    def _place(self, params: dict[str, Any]) -> tuple[str, int]:
        text = self._open.get(params["textDocument"]["uri"], "")
        return text, offset_of(text, int(params["position"]["line"]), int(params["position"]["character"]))


def _below(path: Path, opened: Collection[Path]) -> list[Path]:
    """The files of a path of the configuration, those that are open and were not saved yet among them."""
    if not path.is_dir():
        return [path]
    real = path.resolve()
    return sorted({*path.rglob("*.heal"), *(path / file.relative_to(real) for file in opened if real in file.parents)})


def _inside(folder: Path, opened: Collection[Path]) -> list[Path]:
    """Those of one folder; not what is below it, for it may be somebody's home."""
    return sorted({*folder.glob("*.heal"), *(file for file in opened if file.parent == folder)})


def path_of(uri: str) -> Path:
    """The file that a URI names; of anything else but file: a name that no file has."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path("/" + quote(uri, safe="") + ".heal")


def offset_of(text: str, line: int, character: int) -> int:
    """The offset of a place as the protocol counts: lines from 0, characters in units of UTF-16."""
    rows = text.split("\n")
    if line >= len(rows):
        return len(text)
    before = rows[line].encode("utf-16-le", "surrogatepass")[: character * 2].decode("utf-16-le", "replace")
    return sum(len(each) + 1 for each in rows[:line]) + min(len(before), len(rows[line]))


def _text(source: Source) -> str:
    return source.text if isinstance(source.text, str) else source.text.decode("utf-8", "replace")


def _diagnostic(problem: Problem, text: str) -> dict[str, Any]:
    row = text.split("\n")[problem.line - 1] if problem.line <= text.count("\n") + 1 else ""
    start = _units(row[: problem.column - 1])
    end = start + max(1, _units(row[problem.column - 1 : problem.column - 1 + problem.length]))
    more = [f"expected: {problem.expected}"] * bool(problem.expected) + [f"hint: {problem.hint}"] * bool(problem.hint)
    return {
        "range": {
            "start": {"line": problem.line - 1, "character": start},
            "end": {"line": problem.line - 1, "character": end},
        },
        "severity": 1 if problem.severity == "error" else 2,
        "code": problem.code,
        "source": "healer",
        "message": "\n".join([problem.message, *more]),
    }


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _empty() -> RuleSet:
    ruleset = compile_files([], packs=False, lacks=LACKS).ruleset
    assert ruleset is not None
    return ruleset
