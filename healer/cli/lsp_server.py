"""What an editor asks of rule files, and the answers: one loop over the messages of one client. Called by `healer lsp`.

Compiles the open file together with its neighbours, as they are on the disk or, where they are open too, in the editor.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO
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

    channels: tuple[str, ...] | None = None
    calendars: tuple[str, ...] | None = None
    permissions: tuple[Permission, ...] = ()
    paths: tuple[Path, ...] = ()


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
        compiled = self._compiled(uri)
        if compiled.ruleset is not None:
            self._known = compiled.ruleset
        path = str(path_of(uri))
        self._publish(uri, [problem for problem in compiled.problems if problem.path == path])

    def _compiled(self, uri: str) -> Compiled:
        around = self._surroundings
        return compile_files(
            self._sources(uri),
            channels=around.channels,
            calendars=around.calendars,
            permissions=around.permissions,
            lacks=LACKS,
        )

    def _sources(self, uri: str) -> Sequence[Source]:
        """The file, and all that are compiled together with it: those of the configuration, or of its own folder."""
        mine = path_of(uri)
        folders = self._surroundings.paths or (mine.parent,)
        files = [
            file for folder in folders for file in (sorted(folder.rglob("*.heal")) if folder.is_dir() else [folder])
        ]
        texts = {path_of(open_uri): text for open_uri, text in self._open.items()}
        found = [Source(str(mine), texts.get(mine, ""))]
        for file in files[:MAX_NEIGHBOURS]:
            if file.resolve() == mine:
                continue
            try:
                found.append(Source(str(file), texts[file] if file in texts else file.read_bytes()))
            except OSError:
                continue  # it went away meanwhile: whoever needs it is told by its mistakes
        return found

    def _publish(self, uri: str, problems: Sequence[Problem]) -> None:
        text = self._open.get(uri, "")
        diagnostics = [_diagnostic(problem, text) for problem in problems]
        params = {"uri": uri, "diagnostics": diagnostics}
        send(self._out, {"method": "textDocument/publishDiagnostics", "params": params})

    # --- words

    def _complete(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        text, offset = self._place(params)
        offered = complete(text, offset, self._known)
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
