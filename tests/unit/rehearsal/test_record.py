"""What `healer rules list` says of a rule: the mode as written, the mode in force and why, and what it did."""

import msgspec
import pytest

from healer.rehearsal.record import records
from healer.remediation.autonomy import Autonomy, Record, Stake
from healer.remediation.model import Remediation, State
from healer.times import DAY
from tests.unit.journey.world import DECIDING, chartered
from tests.unit.remediation.build import NOON, plan

RULES = """rule "clean"
  on event: "DiskFull"
  then: execute("clean_disk")
  verify: disk_used < 80% within 5m
  limit: 1 per 1h per node
  mode: auto

rule "restart"
  on event: "ServiceDown"
  then: execute("restart_service", unit: "shop.service")
  mode: auto

rule "look"
  on event: "Slow"
  then: execute("collect_diagnostics")
"""
TERMS = Autonomy(successes=2, without_mistake=30 * DAY)
CHARTER = chartered(msgspec.structs.replace(DECIDING, autonomy=TERMS), rules=RULES)
(CLEAN, RESTART, LOOK) = CHARTER.ruleset.rules


def earned(*kinds: str, times: int = 2) -> Record:
    record = Record()
    for number in range(times):
        record.begins(f"r{number}", "i", CLEAN, kinds)
        record.went(f"r{number}", "succeeded", "", TERMS, NOON, doubted=False)
    return record


@pytest.mark.parametrize(
    ("record", "force", "why"),
    [
        (Record(), "approve", "auto is not earned yet: 0 of 2 verified successes"),
        (earned("host", times=1), "approve", "auto is not earned yet on a host: 1 of 2 verified successes"),
        (earned("host"), "auto", None),
    ],
)
def test_auto_is_in_force_once_it_is_earned(record: Record, force: str, why: str | None) -> None:
    """Until then the list says what is lacking, on which kind of node."""
    (clean, restart, look) = records(CHARTER, [], record, NOON)
    assert (clean["mode"], clean["mode_in_force"], clean["why"]) == ("auto", force, why)
    assert (restart["mode_in_force"], restart["why"]) == ("auto", None)
    assert (look["mode"], look["mode_in_force"], look["why"]) == ("suggest", "auto", "its actions change nothing")


def test_what_went_wrong_is_shown_with_its_time() -> None:
    """... and where the rule still acts alone."""
    record = earned("host")
    for number in (8, 9):
        record.begins(f"v{number}", "i", CLEAN, ["vm"])
        record.went(f"v{number}", "succeeded", "", TERMS, NOON, doubted=False)
    record.begins("bad", "i", CLEAN, ["vm"])
    record.went("bad", "not_verified", "", TERMS, NOON, doubted=False)
    clean = records(CHARTER, [], record, NOON + DAY)[0]
    assert clean["mode_in_force"] == "approve"
    assert clean["why"] == (
        "auto is not trusted on a vm: remediation bad was not verified, 1d ago of 4w2d; it acts alone on a host"
    )
    assert [(one["kind"], one["verified"], one["trusted"]) for one in clean["record"]] == [
        ("host", 2, True),
        ("vm", 2, False),
    ]


def test_a_dry_run_caps_whatever_was_earned() -> None:
    charter = chartered(msgspec.structs.replace(DECIDING, dry_run=True), rules=RULES)
    clean = records(charter, [], earned("host"), NOON)[0]
    assert (clean["mode_in_force"], clean["why"]) == ("suggest", "dry run")


def test_what_it_did_is_counted() -> None:
    """By how each remediation ended, and how often people agreed."""

    def ended(state: State, *agreed: str) -> Remediation:
        return Remediation("r", msgspec.structs.replace(plan(), rule="clean"), state, agreed=agreed)

    newest = [ended("succeeded", "ada"), ended("not_verified", "ada"), ended("suggested"), ended("expired")]
    clean, restart, _ = records(CHARTER, newest, Record(), NOON)
    counted = ("matched", "would_have_run", "not_started", "verified", "failed", "agreed")
    assert [clean[name] for name in counted] == [4, 1, 1, 1, 1, 2]
    assert [restart[name] for name in counted] == [0] * 6


def test_what_can_be_blamed_is_bounded() -> None:
    """The newest remediations are remembered, the others count for what they were."""
    record = Record()
    for number in range(2_100):
        record.begins(f"r{number}", "i", CLEAN, ["host"])
    stakes: tuple[Stake, ...] = record.remembered().stakes
    assert (len(stakes), stakes[-1].remediation) == (2_000, "r2099")
