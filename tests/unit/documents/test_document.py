"""A document keeps the place of every value, and a bad one says where it is bad."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.documents import document
from healer.documents.document import load_document, parse_document
from healer.documents.problems import DocumentError, dotted

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_every_value_has_its_place() -> None:
    read = parse_document('a: 1\nb:\n  - x\n  - {c: "0777", d: off}\n', "f.yaml")
    assert read.data == {"a": 1, "b": ["x", {"c": "0777", "d": "off"}]}
    assert read.mark(("b", 1, "d")) == (4, 20)
    assert read.mark(("b", 1, "d"), at_key=True) == (4, 17)
    assert str(read.problem(("b", 1, "d", "z"), "no")) == "f.yaml:4:20: b[1].d.z: no"


def test_an_alias_is_what_it_stands_for() -> None:
    assert parse_document("a: &x {b: [1]}\nc: *x\nd: &t text\ne: *t", "f").data == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "d": "text",
        "e": "text",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: a: this key was given before, at line 1 column 1"),
        ("- a: 1\n- {b: 1, b: 2}", "f:2:10: [1].b: this key was given before, at line 2 column 4"),
        ("a: [1\n", "f:2:1: not YAML"),
        ("a: b: c", "f:1:5: not YAML"),
        ("a:\n\t- b", "not YAML"),
        ("a: \x07", "not YAML"),
        (b"a: \xff", "f: not UTF-8 at byte 3"),
        ("a: 1\n---\nb: 1", "f:2:1: a second document begins here"),
        ("a: *nothing", "f:1:4: the alias *nothing stands for nothing"),
        ("a: &x [*x]", "f:1:8: a: the alias *x stands for something that contains it"),
        (BOMB, "values, which is the limit"),
        ("[" * 100, "nested deeper than 64"),
        ("{a: " * 100, "nested deeper than 64"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "f:3:3: c: merge keys are not part of YAML 1.2"),
        ("a: !!python/name:os.system x", "f:1:4: the tag tag:yaml.org,2002:python/name:os.system is not understood"),
        ("a: !secret x", "the tag !secret is not understood"),
        ("? [a, b]\n: c", "a key has to be text"),
        ("a: &x y\n*x : z", "a key has to be text, not an alias"),
    ],
)
def test_a_bad_document_says_where_and_what(text: str | bytes, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(text, "f")
    assert said in str(caught.value)


def test_all_duplicates_are_told_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document("a: 1\na: 2\nb: 1\nb: 2\n", "f")
    assert [problem.line for problem in caught.value.problems] == [2, 4]


def test_a_file_has_a_size_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_BYTES", 10)
    (tmp_path / "f").write_text("a: 1234567890")
    with pytest.raises(DocumentError, match="larger than"):
        load_document(tmp_path / "f")


def test_a_file_that_is_not_there_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: No such file"):
        load_document(tmp_path / "none.yaml")


def test_an_empty_document_is_nothing() -> None:
    assert parse_document("# only a comment\n", "f").data is None


def test_a_way_is_written_with_dots_and_brackets() -> None:
    assert dotted(("a", 0, "b.c", "d")) == "a[0].'b.c'.d"


_texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"),
    max_size=8,
)
_values = st.recursive(
    _texts | st.booleans() | st.integers(-(10**9), 10**9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)


@given(_values)
def test_json_reads_as_json(value: object) -> None:
    assert parse_document(json.dumps(value, ensure_ascii=False), "f").data == value
