"""What the doctor finds of rules whose actions nothing could carry out."""

import pytest

from healer.cli.findings import Finding
from healer.cli.needed import examine_rules
from healer.settings import parse_settings
from tests.unit.rules.build import ruleset

RULES = """
rule "shift"
  on event: "RegionDown"
  then: execute("call_webhook", webhook: "shift_traffic")
  on recovery: execute("call_webhook", webhook: "shift_back")

rule "renew"
  on event: "CertExpires"
  then: execute("trigger_pipeline", pipeline: "renew")

rule "more memory"
  on event: "OutOfMemory"
  then: execute("patch", patch: "more-memory")
"""
HOOK = "{url: 'https://a.example', secret: {env: KEY}}"
ALL = f"""
executors:
  kubernetes: {{patches: {{more-memory: {{spec: {{}}}}}}}}
  http:
    webhooks: {{shift_traffic: {HOOK}, shift_back: {HOOK}}}
    pipelines: {{renew: {{gitlab: {{project: ops/certs, token: {{env: KEY}}}}}}}}
"""


def found(settings: str) -> list[Finding]:
    environ = {"KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    return list(examine_rules(ruleset(RULES), parse_settings(settings, environ).executors))


def test_nothing_is_lacking() -> None:
    """Where every executor is set up, and every name declared, there is nothing to say."""
    assert found(ALL) == []


def test_no_executor() -> None:
    """Each executor that is not set up is told once, with the rules that need it."""
    whats = [(one.level, one.what) for one in found("{}")]
    assert whats == [
        ("note", "2 rules (shift; renew) need the executor http, which is not set up"),
        ("note", "1 rule (more memory) needs the executor kubernetes, which is not set up"),
    ]


@pytest.mark.parametrize(
    ("old", "what"),
    [
        ("shift_back:", "1 rule (shift) needs 'shift_back', which executors.http.webhooks does not declare"),
        ("renew:", "1 rule (renew) needs 'renew', which executors.http.pipelines does not declare"),
        (
            "more-memory:",
            "1 rule (more memory) needs 'more-memory', which executors.kubernetes.patches does not declare",
        ),
    ],
)
def test_no_such_name(old: str, what: str) -> None:
    """A name that the settings do not declare is told with the rule that gives it."""
    (one,) = found(ALL.replace(old, "other:"))
    assert (one.level, one.what) == ("wrong", what)


def test_nobody_answers_what_people_ask_for() -> None:
    """Objects are watched, and each of them would stay unanswered."""
    said = found(ALL.replace("patches:", "remediations: {}, patches:"))
    assert [one.what for one in said] == ["people may ask with Remediation objects, and no rule in use answers them"]
