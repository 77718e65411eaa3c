"""What has to be asked before a rule can decide: of Prometheus, and of whoever told of the alert."""

import msgspec
import pytest

from rules import Answer, Facts, NodeFact, Query, Verdict, evaluate, query_key
from tests.unit.rules.build import problems, rule

HOST = NodeFact("host/web-1", "web-1", "host", {"instance": "web-1:9100"})
FACTS = Facts(now=10**15, node=HOST, labels={"sloth_id": "shop-latency"}, objective="shop-latency")


def verdict(condition: str, **answers: Answer) -> Verdict:
    """The verdict, with answers by the text of their query."""
    compiled = rule(f'  when: {condition}\n  then: notify("oncall")')
    needs = evaluate(compiled.when, FACTS).needs
    given = {need.key: answers[need.text.replace(".", "_")] for need in needs if need.text.replace(".", "_") in answers}
    return evaluate(compiled.when, msgspec.structs.replace(FACTS, answers=given))


def test_an_annotation_is_asked_of_the_alert() -> None:
    """A rule that reads an annotation names it, and decides by what comes back."""
    condition = 'annotations.summary =~ ".*full"'

    (need,) = verdict(condition).needs
    assert (need.of, need.text) == ("alert", "annotations.summary")
    assert verdict(condition, annotations_summary=Answer(text="the disk is full")).value is True
    assert verdict(condition, annotations_summary=Answer(text="too slow")).value is False
    assert verdict(condition, annotations_summary=Answer(why_unknown="it has none")).value is None


def test_a_missing_annotation_has_a_default_only_once_it_was_asked() -> None:
    """`??` and `known` wait for the answer, and then take an absent annotation as unknown."""
    absent = Answer(why_unknown="it has none")

    assert verdict('annotations.x ?? "none" == "none"').value is None
    assert verdict('annotations.x ?? "none" == "none"', annotations_x=absent).value is True
    assert verdict("known(annotations.x)").value is None
    assert verdict("known(annotations.x)", annotations_x=absent).value is False


def test_the_value_is_asked_of_the_alert() -> None:
    """`value` is what Prometheus has for this very alert, and unknown where it does not say."""
    (need,) = verdict("value > 3").needs

    assert (need.of, need.text) == ("alert", "value")
    assert verdict("value > 3", value=Answer(3.5)).value is True
    assert verdict("value > 3", value=Answer(float("nan"))).value is None
    assert verdict("value > 3", value=Answer(why_unknown="not there any more")).value is None


def test_the_burn_rate_is_asked_of_prometheus() -> None:
    """`burn_rate` is a query for the alert's objective; without an objective it is unknown, and nobody is asked."""
    text = "max(slo:current_burn_rate:ratio{sloth_id='shop-latency'})"
    compiled = rule('  when: burn_rate > 14.4\n  then: notify("oncall")')
    burning = msgspec.structs.replace(FACTS, answers={query_key(text): Answer(15.0, 10**15)})

    assert evaluate(compiled.when, FACTS).needs == (Query(query_key(text), text),)
    assert evaluate(compiled.when, burning).value is True
    assert evaluate(compiled.when, msgspec.structs.replace(FACTS, objective=None)).needs == ()
    assert compiled.asks


def test_a_metric_may_say_how_fast_the_budget_burns() -> None:
    """Whoever records burn rates under another name declares a metric of that name."""
    metric = "metric burn_rate: number = query(\"burn{slo='{{ objective }}'}\")\n"

    assert problems(f'{metric}rule "r" on event: "X" when: burn_rate > 14.4 then: notify("oncall")') == []


@pytest.mark.parametrize(
    "step",
    ['notify("oncall", message: "{{ annotations.summary }}")', 'execute("restart_service", unit: "{{ value }}")'],
)
def test_a_hole_is_asked_for_too(step: str) -> None:
    """What a text or a parameter names is asked like anything else."""
    compiled = rule(f"  then: {step}")
    assert compiled.then


URL = "https://web-1.shop.example/health"
ASKS = 'http("https://{{ node.name }}.shop.example/health") == 200'


def test_a_url_is_asked_for_its_status() -> None:
    """With attributes of the node in their places; an answer counts like a sample: fresh, and later than an effect."""
    compiled = rule(f'  when: {ASKS}\n  then: notify("oncall")')
    (need,) = evaluate(compiled.when, FACTS).needs
    assert (need.of, need.text) == ("http", URL)

    def says(answer: Answer, after: int | None = None) -> bool | None:
        known = msgspec.structs.replace(FACTS, answers={need.key: answer}, samples_after=after)
        return evaluate(compiled.when, known).value

    assert says(Answer(200.0, 10**15)) is True
    assert says(Answer(503.0, 10**15)) is False
    assert says(Answer(why_unknown="nobody answered")) is None
    assert says(Answer(200.0, 10**15), after=10**15) is None
    assert says(Answer(200.0, 10**15 + 1), after=10**15) is True


@pytest.mark.parametrize(
    "name", ["web-1/../..", "web-1 x", "web-1@evil.example", "web-1?x=", "web-1#", "web-1\n", "w" * 300]
)
def test_a_node_cannot_turn_a_url_into_another(name: str) -> None:
    """What would not be a host's name is not asked at all."""
    compiled = rule(f'  when: {ASKS}\n  then: notify("oncall")')
    odd = msgspec.structs.replace(FACTS, node=NodeFact("host/x", name, "host"))
    found = evaluate(compiled.when, odd)
    assert (found.value, found.needs) == (None, ())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "shop.example",
        "https://user:pass@shop.example/",
        "https://{{ labels.host }}/health",
        "https://shop.example/{{ labels.path }}",
        "",
    ],
)
def test_what_is_no_url_or_anybodys_is_refused(url: str) -> None:
    """When the rule is compiled: labels come from whoever sends alerts."""
    assert [
        problem.code
        for problem in problems(f'rule "a"\n  on event: "X"\n  when: http("{url}") == 200\n  then: notify("oncall")')
    ] == ["E0305"]


def test_only_queries_have_a_trend() -> None:
    """A status has no rate, and no unit that a metric could have."""
    assert [
        one.code
        for one in problems(
            'rule "a"\n  on event: "X"\n  when: rate(http("https://a.example/"), 5m) > 1\n  then: notify("oncall")'
        )
    ] == ["E0305"]
