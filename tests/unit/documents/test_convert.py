"""Every mistake of a document is found at once, with its place, its key and what would be right."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import pytest

from healer.alerts.matchers import Matchers, parse_matchers
from healer.documents.convert import convert
from healer.documents.document import parse_document
from healer.documents.fields import OR_TEXT, Duration, PathText, Secret, Size, Url
from healer.documents.problems import DocumentError
from healer.times import SECOND


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    short: ClassVar[tuple[str, ...]] = ("name",)

    name: str
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1

    def __post_init__(self) -> None:
        if self.name == "bad":
            raise ValueError("bad is not good", "name")


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"for_": "for"}):
    wait: Duration = SECOND
    size: Size = 0
    url: Url | None = None
    file: Path | None = None
    text_file: PathText = ""
    secret: Secret | None = None
    ping: Annotated[Secret, OR_TEXT] | None = None
    match: Matchers = Matchers()
    inner: Inner | None = None
    inners: tuple[Inner, ...] = ()
    table: dict[str, Duration] = {}
    on: bool = False
    ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    mode: Literal["quick", "slow"] = "slow"
    place: int | str = 0
    for_: str = ""


def read(text: str, environ: dict[str, str] | None = None, file: str = "dir/f.yaml") -> Outer:
    return convert(parse_document(text, file), Outer, environ or {})


def test_reads_what_people_write() -> None:
    assert read(
        "wait: 1m30s\nsize: 2KiB\nurl: http://x/\nfile: a/b\ntext_file: c\nmatch: ['a=\"b\"', c!=d]\ninner: n\n"
        "inners: [x, {name: y, count: 2}]\ntable: {k: 5s}\non: true\nratio: 1\nmode: quick\nplace: x\nfor: z\n"
    ) == Outer(
        wait=90 * SECOND, size=2048, url="http://x", file=Path("dir/a/b"), text_file="dir/c",
        match=parse_matchers('a="b",c!="d"'), inner=Inner("n"), inners=(Inner("x"), Inner("y", 2)),
        table={"k": 5 * SECOND}, on=True, ratio=1.0, mode="quick", place="x", for_="z",
    )  # fmt: skip


def test_an_empty_document_is_all_defaults() -> None:
    assert read("") == Outer() == read("wait:\ninners:\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wiat: 1s", "dir/f.yaml:1:1: wiat: unknown key; did you mean wait?"),
        ("zzzzzz: 1s", "unknown key; known here: wait, size"),
        ("wait: 30", "1:7: wait: expected a duration, found the number 30: add a unit, as in 30s"),
        ("wait: 6000w", "wait: expected at most 36500d"),
        ("size: 9999999999999999GiB", "size: expected at most 1048576GiB"),
        ("place: 99999999999999999999", "expected a number within 64 bits"),
        ("wait: soon", "'soon' is no duration: write 30s, 5m or 1h30m"),
        ("wait: true", "expected a duration such as 30s, found true"),
        ("wait: [1s]", "expected a duration such as 30s, found a list"),
        ("size: 1.5", "expected a size such as 64MiB"),
        ("url: 3", "expected a URL"),
        ("on: off", "expected true or false, found text: 'off': write false"),
        ("on: 1", "expected true or false, found the number 1"),
        ("mode: quik", "expected quick or slow, found text: 'quik'; did you mean quick?"),
        ("for: 0777", "for: expected text, found the number 777: write it in quotes"),
        ("for: null", None),
        ("inner: {count: 1}", "inner: the key 'name' is missing"),
        ("inner: {name: x, count: 0}", "inner.count: expected at least 1, found the number 0"),
        ("inner: {name: x, count: 10}", "expected at most 9"),
        ("inner: {name: x, count: 1.5}", "expected a whole number"),
        ("inner: {name: bad}", "inner.name: bad is not good"),
        ("inners: [x, [y]]", "inners[1]: expected text, found a list"),
        ("inners: x", "expected a list, found text: 'x'"),
        ("table: [1s]", "expected a mapping, found a list"),
        ("table: {1: 1s}", None),
        ("ratio: 0", "expected more than 0"),
        ("ratio: .nan", "expected a finite number"),
        ("match: ['a']", "match[0]: 'a': expected an operator"),
        ("match: {a: b}", "expected matchers such as"),
        ("match: [1]", "expected a matcher such as"),
        ("match: ['a=~\"(\"']", "no regular expression in RE2's syntax"),
        ("file: ''", "expected a path"),
        ('file: "a\\0"', "expected a path"),
        ("secret: hunter2", "a secret is a reference: write {file: PATH} or {env: NAME}"),
        ("secret: {file: a, env: b}", "a secret is a reference"),
        ("secret: {env: NOPE}", "secret.env: the environment variable NOPE is not set"),
        ("secret: {file: nope}", "secret.file: the file dir/nope cannot be read: No such file"),
        ("secret: {env: EMPTY}", "the secret in EMPTY is empty"),
        ("- a", "expected a mapping with wait, size"),
    ],
)
def test_says_what_would_be_right(text: str, said: str | None) -> None:
    if said is None:
        read(text)
        return
    with pytest.raises(DocumentError) as caught:
        read(text, {"EMPTY": "\n"})
    assert said in str(caught.value)


def test_a_secret_that_stands_in_the_file_is_not_repeated_by_the_complaint() -> None:
    with pytest.raises(DocumentError) as caught:
        read("secret: hunter2")
    assert "hunter2" not in str(caught.value)


def test_all_mistakes_are_told_in_the_order_of_the_text() -> None:
    with pytest.raises(DocumentError) as caught:
        read("on: 3\nwait: 1\ninners: [{}, {name: x, cuont: 1}]\nnope: 1\n")
    assert [problem.key for problem in caught.value.problems] == ["on", "wait", "inners[0]", "inners[1].cuont", "nope"]


def test_a_secret_is_read_from_beside_the_file_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\r\n")
    config = read("secret: {file: token}\nping: {env: PING}", {"PING": "x y\n"}, str(tmp_path / "f.yaml"))
    assert config.secret is not None
    assert config.ping is not None
    assert (config.secret.reveal(), config.ping.reveal()) == ("s3cret", "x y")


def test_a_large_secret_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (1 << 17))
    (tmp_path / "binary").write_bytes(b"\xff")
    for name, said in (("big", "more than 65536 bytes"), ("binary", "is not text")):
        with pytest.raises(DocumentError, match=said):
            read(f"secret: {{file: {name}}}", {}, str(tmp_path / "f"))


def test_a_type_that_no_document_can_have_is_a_bug_and_says_so() -> None:
    class Odd(msgspec.Struct):
        value: bytes

    with pytest.raises(TypeError, match="settings cannot be of type"):
        convert(parse_document("value: x", "f"), Odd, {})


def test_anything_may_be_anything() -> None:
    class Loose(msgspec.Struct):
        value: Any

    assert convert(parse_document("value: {a: [1]}", "f"), Loose, {}).value == {"a": [1]}
