"""Autonomy that is earned: a rule acts alone where it has proved itself, and asks again once something went wrong."""

import pytest

from healer.convergence.outcome import Incident
from healer.journey.ports import Planned
from healer.journey.records import Progressed
from healer.remediation.autonomy import Autonomy, Record, deeds_of, lacking
from healer.times import DAY, MINUTE, Micros
from tests.unit.remediation.build import NOON, Desk, incident, rule, ruleset

TERMS = Autonomy(successes=3, without_mistake=30 * DAY)
CLEAN = ('then: execute("clean_disk")', "verify: disk_used < 80% within 5m", "limit: 100 per 1h per rule")


class Installation(Desk):
    """A desk with one destructive rule and short terms; its incidents come one after the other."""

    def __init__(self, *clauses: str, mode: str = "auto", terms: Autonomy = TERMS) -> None:
        super().__init__(rule("shop", *(clauses or CLEAN), mode=mode))
        self.charter = type(self.charter)(self.charter.ruleset, self.charter.health, autonomy=terms)
        self.planner.adopt(self.charter, self.map)
        self.now = NOON
        self.count = 0

    def another(self) -> Incident:
        self.count += 1
        return incident(id=f"i{self.count}")

    def plans(self) -> Planned:
        """What the rule plans for an incident that is new."""
        self.now += MINUTE
        return self.one(self.another(), now=self.now)

    def ends(self, planned: Planned, *states: str, doubted: bool = False, detail: str = "") -> None:
        """The remediation gets there by way of `executing`."""
        for state in ("executing", *states):
            self.now += MINUTE
            last = doubted and state == states[-1]
            record = Progressed(planned.remediation, planned.plan.incident, state, detail, self.now, doubted=last)
            self.planner.progress(record, self.now)
        self.sees(now=self.now)

    def earns(self, times: int = 3) -> None:
        for _ in range(times):
            self.ends(self.plans(), "verifying", "succeeded")

    @property
    def demotions(self) -> list[dict[str, str]]:
        return [line.facts for decided in self.decided for line in decided.timeline if line.code == "demoted"]


def test_a_destructive_rule_of_mode_auto_asks_until_it_has_shown_enough() -> None:
    """It runs as `approve`, and says why; after the last verified success it acts alone."""
    here = Installation()
    for number in range(3):
        planned = here.plans()
        assert planned.state == "awaiting_approval"
        assert f"auto is not earned yet on a host: {number} of 3 verified successes" in planned.detail
        assert planned.plan.because[-1] in planned.detail
        here.ends(planned, "verifying", "succeeded")
    planned = here.plans()
    assert (planned.state, planned.plan.approve) == ("planned", ())


@pytest.mark.parametrize(
    ("clauses", "mode", "state"),
    [
        ((), "approve", "awaiting_approval"),
        ((), "suggest", "suggested"),
        (('then: execute("restart_service", unit: "shop.service")',), "auto", "planned"),
        ((*CLEAN, 'approve: "sre" within 10m'), "auto", "awaiting_approval"),
    ],
)
def test_nothing_else_needs_a_record(clauses: tuple[str, ...], mode: str, state: str) -> None:
    """Other modes do what they do, what is not destructive acts alone, and `approve:` asks whatever was earned."""
    here = Installation(*clauses, mode=mode)
    planned = here.plans()
    assert planned.state == state
    assert "earned" not in planned.detail


def test_an_approver_of_the_rule_is_the_one_who_is_asked() -> None:
    """... and where it names none, the owner of the node."""
    here = Installation(*CLEAN, mode="auto")
    assert [asked.who for asked in here.plans().plan.approve] == ["whoever is responsible"]


def test_a_failed_verification_demotes() -> None:
    """From then on it asks, for as long as the settings say, and what was done says so."""
    here = Installation()
    here.earns()
    planned = here.plans()
    here.ends(planned, "verifying", "not_verified", detail="disk_used is 91%")
    (said,) = here.demotions
    assert (said["rule"], said["kinds"]) == ("shop", "host")
    assert said["why"] == f"remediation {planned.remediation} was not verified"
    (deed,) = here.planner.deeds(planned.plan.incident)
    assert deed.detail == "disk_used is 91%. From now on this rule asks before it acts on a host"
    again = here.plans()
    assert again.state == "awaiting_approval"
    assert "auto is not trusted on a host: remediation" in again.detail
    here.now += 30 * DAY
    assert here.plans().state == "planned"


def test_what_only_its_otherwise_repaired_counts_as_a_mistake() -> None:
    """A remedy that did not help is none, whatever helped after it."""
    here = Installation()
    here.earns()
    planned = here.plans()
    here.ends(planned, "verifying", "planned", doubted=True)
    assert len(here.demotions) == 1
    here.ends(planned, "verifying", "succeeded")
    assert here.planner.begun.record.of(here.charter.ruleset.rules[0])[0].verified == 3


def test_a_guard_of_the_blast_radius_demotes() -> None:
    """A rule that would have reached too far is not trusted; one that a silence stopped is."""
    here = Installation()
    here.earns()
    here.ends(here.plans(), "waiting", detail="silenced: an alert on host/web-1 is silenced by s1")
    assert here.demotions == []
    here.ends(here.plans(), "waiting", detail="share of siblings: 3 of 5 siblings are under repair")
    assert len(here.demotions) == 1


def test_blame_demotes_what_acted() -> None:
    """Somebody says that another node was the cause: also when the incident is long over."""
    here = Installation()
    here.earns()
    acted, waits = here.plans(), here.plans()
    here.ends(acted, "verifying", "succeeded")
    here.planner.let_go(acted.plan.incident)
    here.planner.begun.blame(waits.plan.incident, "ada", here.now)
    here.sees(now=here.now)
    assert here.demotions == []
    here.planner.begun.blame(acted.plan.incident, "ada", here.now)
    here.sees(now=here.now)
    (said,) = here.demotions
    assert said["why"] == f"ada blamed another node for incident {acted.plan.incident}"


def test_a_rule_that_was_not_trusted_cannot_be_demoted() -> None:
    """The mistake counts, and it is no news."""
    here = Installation()
    here.ends(here.plans(), "verifying", "not_verified")
    assert here.demotions == []
    here.earns()
    assert here.plans().state == "awaiting_approval"


def test_a_snapshot_carries_the_record() -> None:
    """What was earned before a restart is earned after it."""
    here = Installation()
    here.earns()
    (only,) = here.charter.ruleset.rules
    again = Record(here.planner.begun.record.remembered())
    assert again.of(only) == here.planner.begun.record.of(only)
    assert again.unearned(only, ["host"], TERMS, here.now) == ""
    assert "on a vm" in again.unearned(only, ["host", "vm"], TERMS, here.now)


@pytest.mark.parametrize(
    ("clauses", "same"),
    [
        ((*CLEAN[:2], "limit: 1 per 1d per node"), True),
        ((*CLEAN, "priority: 5", 'runbook: "read me"'), True),
        ((*CLEAN, 'approve: "sre" within 5m'), True),
        ((*CLEAN, "when: severity >= critical"), False),
        (('then: execute("clean_disk", path: "/srv")', *CLEAN[1:]), False),
        ((CLEAN[0], "verify: disk_used < 90% within 5m", CLEAN[2]), False),
        ((*CLEAN, 'otherwise: execute("reboot_node")'), False),
    ],
)
def test_a_rule_that_does_something_else_earns_anew(clauses: tuple[str, ...], same: bool) -> None:
    """Mode, limits, approvers and words may change; what it does, when, and what proves it may not."""
    before, after = (ruleset(rule("shop", *one)).rules[0] for one in (CLEAN, clauses))
    assert (deeds_of(before) == deeds_of(after)) is same
    assert deeds_of(ruleset(rule("shop", *CLEAN, mode="approve")).rules[0]) == deeds_of(before)


def test_no_record_is_asked_for_where_none_is_wanted() -> None:
    """`successes: 0` trusts a rule from its first time on, until something goes wrong."""
    here = Installation(terms=Autonomy(successes=0))
    planned = here.plans()
    assert planned.state == "planned"
    here.ends(planned, "verifying", "not_verified")
    assert here.plans().state == "awaiting_approval"


@pytest.mark.parametrize(("age", "trusted"), [(30 * DAY - 1, False), (30 * DAY, True)])
def test_a_mistake_is_forgiven_in_time(age: Micros, trusted: bool) -> None:
    record = Record()
    (only,) = ruleset(rule("shop", *CLEAN)).rules
    terms = Autonomy(successes=0)
    record.begins("r", "i", only, ["host"])
    record.went("r", "not_verified", "", terms, NOON, doubted=False)
    assert (record.unearned(only, ["host"], terms, NOON + age) == "") is trusted
    assert lacking(record.of(only)[0], terms, NOON).startswith("auto is not trusted on a host")
