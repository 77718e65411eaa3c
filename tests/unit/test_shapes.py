"""What msgspec decodes into is made ready where its module is imported, which one thread does.

msgspec learns a Struct when it meets it first. Where two threads do so at once, one of them sees it half learnt, and the process
dies of a segmentation fault: two lists of a Kubernetes API, read beside the event loop, are enough.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(file for room in ("healer", "rules", "notifiers") for file in (ROOT / room).rglob("*.py"))
OWN = {"healer/alerts/glance.py": "a shape that is made for one owner, and that nobody else knows"}
"""Modules that make decoders later."""


def findings(source: str) -> Iterator[tuple[int, str]]:
    """Lines of a module in which a shape may be met for the first time by several threads."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node) == "decode" and any(one.arg == "type" for one in node.keywords):
            yield node.lineno, f"{ast.unparse(node.func)}(type=...): make a Decoder at the top of the module"
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _name(node) == "Decoder":
                    yield node.lineno, f"{ast.unparse(node)}: make it at the top of the module"


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_shapes_are_known_before_threads_are() -> None:
    """A module that decodes has made its decoders when it is imported."""
    found = {str(file.relative_to(ROOT)): list(findings(file.read_text())) for file in SOURCES}
    late = {name: lines for name, lines in found.items() if lines}
    assert late.keys() == OWN.keys(), late


@pytest.mark.parametrize(
    "late",
    [
        "import msgspec\ndef read(body):\n    return msgspec.json.decode(body, type=Shape)",
        "from msgspec import msgpack\ndef read(body):\n    return msgpack.decode(body, type=Shape)",
        "import msgspec\ndef read(body):\n    return msgspec.json.Decoder(Shape).decode(body)",
    ],
)
def test_every_late_way_is_found(late: str) -> None:
    assert list(findings(late))


def test_what_is_ready_is_left_alone() -> None:
    assert not list(
        findings("import msgspec\n_shape = msgspec.json.Decoder(Shape)\ndef read(body):\n    _shape.decode(body)")
    )
