"""`healer lsp` as an editor has it: a process of its own that speaks the Language Server Protocol on stdin and stdout."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

START = [
    sys.executable,
    "-P",
    "-c",
    "import sys; from healer.cli.main import main; sys.exit(main(['lsp', *sys.argv[1:]]))",
]
GOOD = 'rule "r"\n  on event: "NodeDown"\n  when: duration > 5m\n  then: execute("reboot_node")\n  mode: suggest\n'
WITHIN_S = 30


class Editor:
    """A client: sends messages, and reads what comes until it is the answer, or what it waits for."""

    def __init__(self, *arguments: str, folder: Path | None = None) -> None:
        command = [*START, *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
        self._number = 0
        self.heard: list[dict[str, Any]] = []
        initialized = self.asks("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.able: dict[str, Any] = initialized["capabilities"]
        self.says("initialized", {})

    def writes(self, data: bytes) -> None:
        """These very bytes."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def says(self, method: str, params: Any, **more: Any) -> None:
        body = msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params, **more})
        self.writes(b"Content-Length: %d\r\nContent-Type: x\r\n\r\n" % len(body) + body)

    def asks(self, method: str, params: Any) -> Any:
        """The result of a request."""
        answer = self.answer(method, params)
        assert "error" not in answer, answer
        return answer["result"]

    def answer(self, method: str, params: Any) -> dict[str, Any]:
        self._number += 1
        self.says(method, params, id=self._number)
        while (message := self.hears()).get("id") != self._number:
            self.heard.append(message)
        return message

    def hears(self) -> dict[str, Any]:
        """The next message."""
        out = self._process.stdout
        assert out is not None
        length = 0
        while line := out.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found: dict[str, Any] = msgspec.json.decode(out.read(length))
        return found

    def opens(self, file: Path, text: str) -> list[dict[str, Any]]:
        """The file is opened with this text; what is wrong with it."""
        item = {"uri": file.as_uri(), "languageId": "heal", "version": 1, "text": text}
        self.says("textDocument/didOpen", {"textDocument": item})
        return self.told(file)

    def types(self, file: Path, text: str) -> list[dict[str, Any]]:
        """The whole text is another one now; what is wrong with it."""
        document = {"uri": file.as_uri(), "version": 2}
        self.says("textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]})
        return self.told(file)

    def told(self, file: Path) -> list[dict[str, Any]]:
        """What is wrong with this file, of which the next message has to be."""
        message = self.hears()
        assert message["method"] == "textDocument/publishDiagnostics", message
        assert message["params"]["uri"] == file.as_uri()
        found: list[dict[str, Any]] = message["params"]["diagnostics"]
        return found

    def at(self, method: str, file: Path, text: str, mark: str) -> Any:
        """A request about the place right behind a piece of the text."""
        before = text[: text.index(mark) + len(mark)]
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2].encode("utf-16-le")) // 2}
        return self.asks(f"textDocument/{method}", {"textDocument": {"uri": file.as_uri()}, "position": position})

    def ends(self, *, politely: bool = True) -> int:
        if politely:
            assert self.asks("shutdown", None) is None
            self.says("exit", None)
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(WITHIN_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    """One session for tests that do not end it."""
    started = Editor()
    yield started
    assert started.ends() == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.heal"


def labels(offered: list[dict[str, Any]]) -> set[str]:
    return {one["label"] for one in offered}


def test_it_says_what_it_can(editor: Editor) -> None:
    """Diagnostics by whole documents, completion, hover, formatting."""
    assert editor.able["textDocumentSync"]["change"] == 1
    assert editor.able["hoverProvider"] is True
    assert editor.able["documentFormattingProvider"] is True
    assert '"' in editor.able["completionProvider"]["triggerCharacters"]


def test_mistakes_come_and_go_while_one_types(editor: Editor, file: Path) -> None:
    """A mistake has its place, code and hint; mended, it is gone."""
    (wrong,) = [one for one in editor.opens(file, GOOD.replace("duration", "duraton")) if one["severity"] == 1]
    assert wrong["range"] == {"start": {"line": 2, "character": 8}, "end": {"line": 2, "character": 15}}
    assert (wrong["code"], wrong["source"]) == ("E0201", "healer")
    assert "did you mean `duration`" in wrong["message"]
    assert [one for one in editor.types(file, GOOD) if one["severity"] == 1] == []


def test_places_count_as_the_protocol_does(editor: Editor, file: Path) -> None:
    """Characters are units of UTF-16: what stands outside the first plane counts twice."""
    text = GOOD.replace("duration > 5m", 'labels.x == "\N{FIRE}" AND duraton > 5m')
    (wrong,) = [one for one in editor.opens(file, text) if one["severity"] == 1]
    row = text.split("\n")[2]

    assert wrong["range"]["start"]["character"] == len(row[: row.index("duraton")]) + 1


def test_names_are_offered_in_a_condition(editor: Editor, file: Path) -> None:
    """Names of the language, functions, metrics, also those of a neighbour."""
    (file.parent / "metrics.heal").write_text('metric lag: duration = query("lag")\n')
    editor.opens(file, GOOD)
    offered = editor.at("completion", file, GOOD, "when: ")

    assert {"severity", "labels.", "healthy", "cpu_load", "lag", "AND"} <= labels(offered)
    assert "reboot_node" not in labels(offered)


def test_actions_and_their_parameters_are_offered(editor: Editor, file: Path) -> None:
    """Inside the quotes of execute the actions, behind them what the action takes."""
    text = GOOD.replace('execute("reboot_node")', 'execute("restart_service", ')
    editor.opens(file, text)

    assert "restart_service" in labels(editor.at("completion", file, text, 'execute("rest'))
    assert {"unit:", "timeout:", "on:"} <= labels(editor.at("completion", file, text, 'restart_service", '))


def test_clauses_are_offered_at_the_start_of_a_line(editor: Editor, file: Path) -> None:
    """Those of the definition that one is in."""
    text = GOOD + "  "
    editor.opens(file, text)
    assert {"verify:", "limit:", "mode:"} <= labels(editor.at("completion", file, text, "suggest\n  "))
    action = 'action "a"\n  '
    editor.types(file, action)
    assert "run:" in labels(editor.at("completion", file, action, '"a"\n  '))


def test_lines_of_a_test_are_offered(editor: Editor, file: Path) -> None:
    """What is given and what is expected, by the words that such a line begins with; further on in it nothing."""
    text = 'test "t"\n  given: \n  expect: \n  given: alert \n'
    editor.opens(file, text)
    assert {"node", "alert", "query"} <= labels(editor.at("completion", file, text, "given: "))
    assert {"nothing", "suggested", "outcome"} <= labels(editor.at("completion", file, text, "expect: "))
    assert editor.at("completion", file, text, "given: alert ") == []


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("on ev", "alertnames of the root"),
        ("durati", "now less startsAt"),
        ("reboot_n", "destructive"),
        ("when", "fires only when this is true"),
    ],
)
def test_words_are_explained(editor: Editor, file: Path, mark: str, said: str) -> None:
    """Clauses, names and actions say what they mean."""
    editor.opens(file, GOOD)
    assert said in editor.at("hover", file, GOOD, mark)["contents"]["value"]


def test_where_there_is_nothing_to_say(editor: Editor, file: Path) -> None:
    """A place without a word has no hover."""
    editor.opens(file, GOOD)
    assert editor.at("hover", file, GOOD, "duration > ") is None


def test_it_lays_out(editor: Editor, file: Path) -> None:
    """Formatting is `healer fmt`; what cannot be read is left alone."""
    document = {"textDocument": {"uri": file.as_uri()}, "options": {"tabSize": 2, "insertSpaces": True}}
    editor.opens(file, GOOD.replace("  then:", "     then :"))
    (edit,) = editor.asks("textDocument/formatting", document)
    assert edit["newText"] == GOOD
    editor.types(file, "rule rule rule")
    assert editor.asks("textDocument/formatting", document) == []


def test_what_is_not_offered_is_refused(editor: Editor) -> None:
    """An unknown request gets an error of the protocol, an unknown notification nothing."""
    editor.says("$/setTrace", {"value": "off"})
    assert editor.answer("textDocument/rename", {})["error"]["code"] == -32601
    assert editor.answer("textDocument/hover", {"textDocument": {}})["error"]["code"] == -32603


def test_what_is_no_message_ends_nothing(editor: Editor, file: Path) -> None:
    """Bytes that are no JSON are answered with an error, and the session goes on."""
    editor.writes(b"Content-Length: 3\r\n\r\n{{{")
    assert editor.hears()["error"]["code"] == -32700
    editor.writes(b"Content-Length: 2\r\n\r\n[]")
    assert [one for one in editor.opens(file, GOOD) if one["severity"] == 1] == []


def test_a_configuration_says_what_there_is(tmp_path: Path) -> None:
    """With `--config` an unknown channel is a mistake."""
    config, rules = tmp_path / "healer.yaml", tmp_path / "rules"
    rules.mkdir()
    config.write_text("rules: {paths: [rules]}\nchannels: {oncall: {type: terminal}}\n")
    editor = Editor("--config", str(config))
    text = 'rule "r"\n  on event: "X"\n  then: notify("onkall")\n'

    assert [one["code"] for one in editor.opens(rules / "own.heal", text)] == ["E0208"]
    assert labels(editor.at("completion", rules / "own.heal", text, 'notify("on')) == {"oncall"}
    assert editor.ends() == 0


def test_a_configuration_counts_by_whatever_name_it_is_given(tmp_path: Path) -> None:
    """From a relative path, beneath a link: a file is one file, with the permissions and kinds of its folder."""
    (tmp_path / "real" / "rules").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "topology.yaml").write_text("nodes: [{id: host/a}]\n")
    (tmp_path / "real" / "healer.yaml").write_text(
        "rules: {paths: [{path: rules, owner: a, actions: [restart_service]}]}\ntopology: {sources: [{file: topology.yaml}]}\n"
    )
    file = tmp_path / "link" / "rules" / "own.heal"
    file.write_text(GOOD)
    editor = Editor("--config", "healer.yaml", folder=tmp_path / "real")
    wrong = editor.opens(file, GOOD.replace("duration > 5m", "kind == hots"))

    assert sorted(one["code"] for one in wrong if one["severity"] == 1) == ["E0201", "E0210"]
    assert editor.ends() == 0


def test_what_a_change_means_for_others_is_told_there(editor: Editor, tmp_path: Path) -> None:
    """A name that is taken already is wrong in the later file, as in `healer check`; free again, it is right again."""
    first, second = tmp_path / "a.heal", tmp_path / "b.heal"
    first.write_text("")
    assert [one for one in editor.opens(second, GOOD) if one["severity"] == 1] == []
    assert [one for one in editor.opens(first, GOOD) if one["severity"] == 1] == []
    assert [one["code"] for one in editor.told(second) if one["severity"] == 1] == ["E0110"]
    assert editor.types(first, "") == []
    assert [one for one in editor.told(second) if one["severity"] == 1] == []


def test_an_editor_that_is_gone_leaves_nothing_behind() -> None:
    """The server ends with its input, and says that nobody took leave."""
    assert Editor().ends(politely=False) == 1
