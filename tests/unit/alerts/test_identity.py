import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.identity import canonical, fingerprint, fingerprint_of, labels_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LABELS = st.dictionaries(TEXT, TEXT, max_size=6)


@given(labels=LABELS, data=st.data())
def test_canonical_bytes_do_not_depend_on_the_order_of_labels(labels: dict[str, str], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(labels.items()))))
    assert canonical(shuffled) == canonical(labels)


@given(labels=LABELS)
def test_labels_come_back_without_those_that_are_empty(labels: dict[str, str]) -> None:
    assert labels_of(canonical(labels)) == {name: value for name, value in labels.items() if value}


@given(one=LABELS, other=LABELS)
def test_different_label_sets_have_different_bytes(one: dict[str, str], other: dict[str, str]) -> None:
    same = labels_of(canonical(one)) == labels_of(canonical(other))
    assert (canonical(one) == canonical(other)) is same


def test_names_that_json_must_escape_are_told_apart() -> None:
    assert canonical({'a"': "1"}) != canonical({"a\\": "1"})
    assert canonical({"a\0": "1"}) == b'{"a\\u0000":"1"}'


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"alertname": "InstanceDown", "instance": "a:9100", "severity": "critical"}, "c2d83c678e6ea0a1"),
        ({"severity": "critical", "instance": "a:9100", "alertname": "InstanceDown"}, "c2d83c678e6ea0a1"),
        ({}, "cbf29ce484222325"),
    ],
)
def test_the_fingerprint_is_alertmanagers(labels: dict[str, str], expected: str) -> None:
    assert fingerprint(canonical(labels)) == expected
    assert fingerprint_of(labels) == expected
