"""Matchers read and decide as Alertmanager's do."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from healer.alerts.matchers import Matcher, MatcherError, Matchers, parse_matcher, parse_matchers


@pytest.mark.parametrize(
    ("text", "name", "op", "value"),
    [
        ('severity="critical"', "severity", "=", "critical"),
        ("severity=critical", "severity", "=", "critical"),
        (' severity != "page" ', "severity", "!=", "page"),
        ('alertname=~".*(Down|Unreachable)"', "alertname", "=~", ".*(Down|Unreachable)"),
        ("alertname!~Kube.*", "alertname", "!~", "Kube.*"),
        ('"any name, 名"="x"', "any name, 名", "=", "x"),
        ("région=nord", "région", "=", "nord"),
        ('pod!=""', "pod", "!=", ""),
        ("pod=", "pod", "=", ""),
        (r'path="C:\\x \"y\"\n"', "path", "=", 'C:\\x "y"\n'),
        (r'instance=~"10\.0\..*"', "instance", "=~", r"10\.0\..*"),
        ('a="x=~y, {z}"', "a", "=", "x=~y, {z}"),
        ("a=b=c", "a", "=", "b=c"),
    ],
)
def test_reads_a_matcher_as_alertmanager_does(text: str, name: str, op: str, value: str) -> None:
    assert parse_matcher(text) == Matcher(name, op, value)  # type: ignore[arg-type]  # the table has plain texts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected an operator"),
        ("severity", "expected an operator"),
        ('="x"', "expected the name of a label"),
        ('severity="critical', "a quote is not closed"),
        ('a="b" c="d"', "expected the end"),
        ('a="b",c="d"', "expected the end"),
        ('a=~"("', "no regular expression"),
        ('a=~"(?=x)"', "no regular expression"),
        ('""="x"', "needs the name"),
        ("a=~" + "x" * 5000, "at most 4096"),
    ],
)
def test_says_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(MatcherError, match=re.escape(said)):
        parse_matcher(text)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ('a="x"', {"a": "x"}, True),
        ('a="x"', {}, False),
        ('a=""', {}, True),
        ('a!=""', {"a": ""}, False),
        ('a!="x"', {}, True),
        ('a=~"x|y"', {"a": "y"}, True),
        ('a=~"x"', {"a": "xx"}, False),
        ('a=~"x.y"', {"a": "x\ny"}, True),
        ('a=~".*"', {}, True),
        ('a!~".+"', {}, True),
        ('a!~"x"', {"a": "x"}, False),
        ('{a="x", b!="y"}', {"a": "x", "b": "z"}, True),
        ('a="x",b!="y"', {"a": "x", "b": "y"}, False),
        ("{}", {"a": "x"}, True),
        ('a=~"é+"', {"a": "éé"}, True),
    ],
)
def test_a_missing_label_is_empty_and_an_expression_matches_the_whole(
    text: str, labels: dict[str, str], holds: bool
) -> None:
    assert parse_matchers(text).matches(labels) is holds


@pytest.mark.parametrize("text", ['{a="x"', 'a="x" b="y"', 'a="x"}'])
def test_a_list_of_matchers_says_where_it_goes_wrong(text: str) -> None:
    with pytest.raises(MatcherError, match="expected"):
        parse_matchers(text)


def test_names_are_the_labels_that_are_read() -> None:
    assert parse_matchers(['a="x"', 'b=~"y"', 'a!="z"']).names == {"a", "b"}


@settings(max_examples=50)
@given(
    st.text(min_size=1).filter(lambda name: "\x00" not in name),
    st.sampled_from([(False, True), (False, False)]),
    st.text(),
)
def test_what_is_written_reads_back_as_the_same(name: str, kind: tuple[bool, bool], value: str) -> None:
    one = Matcher.of(name, value, is_regex=kind[0], is_equal=kind[1])
    assert parse_matcher(str(one)) == one
    assert tuple(parse_matchers(str(Matchers([one, one])))) == (one, one)


@given(st.sampled_from(["=", "!=", "=~", "!~"]), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_a_matcher_alone_and_among_others_decides_the_same(op: str, value: str, actual: str) -> None:
    one = parse_matcher(f'l{op}"{value}"')
    assert Matchers([one]).matches({"l": actual}) is one.matches(actual)
    assert one.matches(actual) is ((actual == value) is (op[0] == "="))
