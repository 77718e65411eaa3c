"""What people read: the title on a lock screen, the five states, the lines below."""

import re
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.identity import canonical
from healer.changes.model import Change, Touched
from healer.cli.main import COMMANDS
from healer.convergence.outcome import Candidate, Confidence, Incident, People
from healer.notification.own import ALERT
from healer.notification.story import DEEDS, REASON_LIMIT, TITLE_LIMIT, State, state_of
from healer.notification.wording import TONGUES, Language, Speech, tell, title, worded
from healer.remediation.deed import Deed
from healer.remediation.model import UNDER_WAY
from healer.times import MINUTE, SECOND
from tests.contracts.store.given import NOON
from tests.contracts.store.given import incident as given_incident


def incident(**changes: Any) -> Incident:
    """An open one on host/web-1 beneath rack/r1; `root_*` changes its root."""
    root = {key.removeprefix("root_"): changes.pop(key) for key in list(changes) if key.startswith("root_")}
    found = given_incident("i1")
    given_root = {"node": "host/web-1", "beneath": "rack/r1", "onset": NOON - MINUTE} | root
    return msgspec.structs.replace(found, root=msgspec.structs.replace(found.root, **given_root), **changes)


def deed(state: str, **changes: Any) -> Deed:
    fields: dict[str, Any] = {
        "rule": "shop",
        "what": 'restart_service(unit: "shop.service") on host/web-1',
        "at": NOON + 30 * SECOND,
        "acted": state in ("executing", "verifying", "succeeded", "failed", "not_verified"),
    }
    return Deed("r1", state=state, **(fields | changes))


def over(**changes: Any) -> Incident:
    ended = {"status": "resolved", "resolution": "sent", "resolved_at": NOON + 5 * MINUTE}
    return incident(**{**ended, **changes})


@pytest.mark.parametrize(
    ("changes", "state", "expected"),
    [
        ({}, "broken", "[CRIT broken] host web-1 down, r1"),
        ({"root_node": "rack/r17", "root_beneath": "zone/cn-1"}, "broken", "[CRIT broken] rack r17 down, cn-1"),
        ({"root_hard": False, "root_name": "DiskFull"}, "healing", "[CRIT healing] host web-1 DiskFull, r1"),
        ({"severity": "warning"}, "over", "[WARN over] host web-1 down, r1"),
        ({"root_node": "", "root_name": "TargetDown"}, "broken", "[CRIT broken] TargetDown"),
        ({"root_node": "", "root_name": ""}, "broken", "[CRIT broken] (no alertname)"),
        ({"root_beneath": "zone/a-zone-with-a-long-name"}, "broken", "[CRIT broken] host web-1 down"),
        ({"root_node": "host/database-primary-1"}, "needs you", "[CRIT needs you] database-primary-1 down"),
        ({"root_node": "host/db-1.prod.example.com"}, "needs you", "[CRIT needs you] db-1.prod.example… down"),
        ({"root_node": "web-1", "root_beneath": ""}, "broken", "[CRIT broken] web-1 down"),
        ({"root_node": "host/a\nb"}, "broken", "[CRIT broken] host a b down, r1"),
    ],
)
def test_the_title_says_how_bad_where_and_what(changes: dict[str, Any], state: State, expected: str) -> None:
    """What does not fit is left out in the order of its worth: the place, the kind, the end of the name."""
    assert title(incident(**changes), state) == expected


@given(
    node=st.text(max_size=80),
    beneath=st.text(max_size=80),
    name=st.text(max_size=80),
    hard=st.booleans(),
    severity=st.sampled_from(["info", "warning", "error", "critical"]),
    state=st.sampled_from(["broken", "healing", "healed", "needs you", "over"]),
    language=st.sampled_from(sorted(TONGUES)),
)
def test_the_title_is_one_line_of_at_most_40_characters(
    node: str, beneath: str, name: str, hard: bool, severity: str, state: State, language: Language
) -> None:
    """Whatever the labels hold, it fits a lock screen and begins with severity and state."""
    found = title(
        incident(root_node=node, root_beneath=beneath, root_name=name, root_hard=hard, severity=severity),
        state,
        Speech(language),
    )
    assert len(found) <= TITLE_LIMIT == 40
    assert len(found.splitlines()) == 1
    assert TONGUES[language].states[state] in found.partition("]")[0]


@given(detail=st.text(max_size=2000), what=st.text(max_size=200), name=st.text(max_size=100))
def test_no_line_is_two_and_no_reason_is_endless(detail: str, what: str, name: str) -> None:
    """What comes from outside (labels, output, errors) cannot break the message up or fill it."""
    story = tell(incident(root_name=name), [deed("failed", detail=detail, what=what)])
    for line in story.lines:
        assert len(line.splitlines()) <= 1
        assert len(line) <= REASON_LIMIT + len(what) + len(name) + 100


@pytest.mark.parametrize(
    ("found", "deeds", "state"),
    [
        (incident(), [], "broken"),
        (incident(), [deed("planned")], "broken"),
        (incident(), [deed("observed")], "broken"),
        (incident(), [deed("suggested")], "broken"),
        (incident(), [deed("refused")], "broken"),
        (incident(), [deed("failed"), deed("refused")], "needs you"),
        (incident(), [deed("waiting", acted=True)], "broken"),
        (incident(), [deed("executing")], "healing"),
        (incident(), [deed("verifying")], "healing"),
        (incident(), [deed("planned", acted=True)], "healing"),
        (incident(), [deed("failed"), deed("executing")], "healing"),
        (incident(), [deed("awaiting_approval")], "needs you"),
        (incident(), [deed("failed")], "needs you"),
        (incident(), [deed("not_verified")], "needs you"),
        (incident(), [deed("handed_over")], "needs you"),
        (incident(), [deed("failed"), deed("suggested")], "needs you"),
        (incident(), [deed("succeeded")], "healed"),
        (incident(reopened=1, root_starts_at=NOON + MINUTE), [deed("succeeded")], "needs you"),
        (over(), [], "over"),
        (over(), [deed("verifying")], "healing"),
        (over(), [deed("succeeded")], "healed"),
        (over(), [deed("succeeded"), deed("superseded")], "healed"),
        (over(resolution="vanished"), [deed("succeeded")], "healed"),
        (over(reopened=1, root_starts_at=NOON + MINUTE), [deed("succeeded")], "over"),
        (over(reopened=1, root_starts_at=NOON + MINUTE, resolution="vanished"), [deed("succeeded")], "over"),
        (over(), [deed("not_verified")], "over"),
        (over(), [deed("superseded")], "over"),
        (incident(status="merged", merged_into="i0"), [deed("executing")], "over"),
    ],
)
def test_the_five_states(found: Incident, deeds: list[Deed], state: State) -> None:
    """Broken until something acts; healing until it was verified; healed only then; needs you when healer is at its end."""
    assert state_of(found, deeds) == state


@pytest.mark.parametrize("state", sorted(UNDER_WAY))
def test_nothing_under_way_is_called_healed(state: str) -> None:
    """The alert's end alone proves nothing while verification has not spoken; who only waits does not heal."""
    assert state_of(over(), [deed(state, acted=True)]) == ("over" if state == "waiting" else "healing")


def test_a_fault_that_nobody_treats() -> None:
    """What, where, since when, how much with it, and that nothing was done."""
    story = tell(incident(suppressed=18, members=2), [])
    assert story.lines == (
        "Since 2026-01-01 11:59:00 UTC",
        "20 more alerts come from it",
        "HostDown on host/web-1, beneath rack/r1",
        "",
        "healer has done nothing about it.",
    )
    assert (story.incident, story.trace_id, story.state) == ("i1", given_incident("i1").trace_id, "broken")


def test_a_fault_that_was_healed() -> None:
    """What was done, that it helped and how that is known, and how long it lasted from its onset."""
    story = tell(over(), [deed("succeeded", detail="alert resolved, stable for 1m")])
    assert story.lines[-2:] == (
        '12:00:30 ran: restart_service(unit: "shop.service") on host/web-1. It helped: alert resolved, stable for 1m'
        " (rule shop)",
        "12:05:00 over after 6m: Prometheus says that it is well again",
    )


def test_a_fault_that_needs_a_person() -> None:
    """What was tried, why that did not do, and that healer stops here."""
    story = tell(incident(suppressed=1), [deed("not_verified", detail="up is 0")])
    assert "1 more alert comes from it" in story.lines
    assert story.lines[-2].startswith("12:00:30 ran: restart_service")
    assert ". It was NOT seen to help: up is 0 (rule shop)" in story.lines[-2]
    assert story.lines[-1].startswith("It is your turn")
    asked = tell(incident(), [deed("awaiting_approval")])
    assert asked.lines[-1].startswith("It is your turn: approve or reject it. ")
    assert asked.lines[-1].endswith("healer remediation approve r1")


@pytest.mark.parametrize(
    ("resolution", "words"),
    [
        ("sent", "well again"),
        ("expired", "NOT known to be well"),
        ("vanished", "NOT known to be well"),
        ("superseded", "is gone"),
        ("person", "a person closed it"),
    ],
)
def test_only_an_end_that_was_sent_reads_like_health(resolution: str, words: str) -> None:
    """An alert that merely vanished is not called well."""
    assert words in tell(over(resolution=resolution), []).lines[-1]


def test_a_merged_incident_says_where_it_went() -> None:
    """Whoever follows the old message finds the new one."""
    assert "incident i0" in tell(incident(status="merged", merged_into="i0"), []).lines[-1]


def test_coming_back_and_leftovers_are_said() -> None:
    """It flapped, or it was hidden by something else before: that changes what a person does next."""
    story = tell(incident(reopened=2, root_onset_from="judged afresh"), [])
    assert story.lines[0] == "Since 2026-01-01 11:59:00 UTC (left over from an earlier fault); came back 2 times"
    assert tell(incident(reopened=1), []).lines[0].endswith("came back once")


def test_a_long_history_shows_its_end() -> None:
    """Only the newest remediations are told one by one."""
    story = tell(incident(), [deed("failed", rule=f"rule-{number}") for number in range(DEEDS + 2)])
    assert "(2 earlier remediations are not shown)" in story.lines
    assert sum("FAILED" in line for line in story.lines) == DEEDS


@pytest.mark.parametrize("state", [*sorted(UNDER_WAY), "observed", "suggested", "refused", "cancelled", "superseded"])
def test_every_state_of_a_remediation_has_words(state: str) -> None:
    """None is shown by the name that it has in the store alone."""
    (line,) = [line for line in tell(incident(), [deed(state)]).lines if "(rule shop)" in line]
    assert "restart_service" in line
    assert "_" not in line.replace("restart_service", "")


@pytest.mark.parametrize(
    ("code", "title_says", "line_says"),
    [
        ("no input", "[CRIT broken] healer hears nothing", "look at Prometheus yourself"),
        ("reconciliation", "[CRIT broken] many alerts would vanish", "Nothing was ended"),
        ("quarantine", "[CRIT broken] healer skipped a record", "report it"),
        ("request too large", "[CRIT broken] a request was too large", "server.max_body"),
        ("something new", "[CRIT broken] healer: something new", "healer doctor"),
    ],
)
def test_trouble_of_healers_own_is_said_in_words(code: str, title_says: str, line_says: str) -> None:
    """A code means nothing at night: what it is and what to do does."""
    labels = canonical({"alertname": ALERT, "code": code, "severity": "critical"})
    own = incident(root_node="", root_beneath="", root_name=ALERT, root_labels=labels)
    story = tell(own, [])
    assert story.title == title_says
    assert line_says in story.lines[1]


def test_a_label_code_of_another_alert_means_nothing() -> None:
    """Only healer's own alerts are read so."""
    labels = canonical({"alertname": "JobFailed", "code": "no input"})
    assert (
        tell(incident(root_node="", root_name="JobFailed", root_labels=labels), []).title == "[CRIT broken] JobFailed"
    )


@pytest.mark.parametrize(
    ("labels", "title_says", "line_says"),
    [
        ({"instance": "db-1:9100", "job": "node"}, "[CRIT broken] DiskFull db-1:9100", "instance=db-1:9100, job=node"),
        ({"job": "node", "x": "1"}, "[CRIT broken] DiskFull node", "job=node, x=1"),
        ({"instance": "a-very-long-name.example.com:9100"}, "[CRIT broken] DiskFull", "a-very-long-name"),
        ({}, "[CRIT broken] DiskFull", "It has no other labels"),
        ({"host": "a\nb"}, "[CRIT broken] DiskFull a b", "host=a b"),
    ],
)
def test_an_alert_on_no_node_says_which_one_by_its_labels(
    labels: dict[str, str], title_says: str, line_says: str
) -> None:
    """Without a topology the labels are all that a person has to go by."""
    written = canonical({"alertname": "DiskFull", "severity": "critical", **labels})
    story = tell(incident(root_node="", root_beneath="", root_name="DiskFull", root_labels=written), [])
    assert story.title == title_says
    assert line_says in story.lines[3]
    assert "severity" not in story.lines[3]


def test_what_changed_before_is_one_line() -> None:
    """The newest change, and how many more there are: the rest is in the API."""
    told = Change("github", "d", "acme/shop", "deploy", "prod", "main", "1a2b3c4d5e", "succeeded", "ada", (), 0, "")
    since = incident().root.onset - 4 * MINUTE
    one = Touched(told, ("host/web-1",), since, since)
    line = "Changed: acme/shop was deployed to prod 4m before (main, 1a2b3c4d, by ada)"
    assert line in tell(incident(changes=(one,)), ()).lines
    assert any(text.endswith(", and 2 more") for text in tell(incident(changes=(one, one, one)), ()).lines)
    assert not any("Changed" in text for text in tell(incident(), ()).lines)


def test_people_are_named_who_said_something_of_it() -> None:
    """Who is on it, who confirmed or named the root, which node is suspected without an alert, who closed it."""
    asked = People(acked_by="ada\n", acked_at=NOON, confirmed_by="bob")
    lines = tell(incident(people=asked), ()).lines
    assert "ada is on it since 2026-01-01 12:00:00 UTC" in lines
    assert "bob confirmed this root" in lines
    suspected = incident(people=People(blamed_by="ada", suspect="power/x"))
    assert "ada says that the root is power/x, which has no alert of its own" in tell(suspected, ()).lines
    assert title(suspected, "broken") == "[CRIT broken] power/x suspected"
    closed = tell(over(resolution="person", people=People(closed_by="ada")), ())
    assert closed.lines[-1].endswith("ada closed it, whatever still fires")


def test_an_edit_never_hides_what_was_claimed_before() -> None:
    """Whoever ran to another machine reads why; who reads it for the first time has nothing to compare."""
    moved = tell(incident(), [], first="switch/s3").lines
    assert moved[3] == "First said switch/s3, now host/web-1"
    assert not [text for text in tell(incident(), [], first="host/web-1").lines if "First said" in text]
    suspected = incident(people=People(blamed_by="ada", suspect="power/x"))
    assert "First said host/web-1, now power/x" in tell(suspected, [], first="host/web-1").lines


def test_who_is_hurt_and_how_sure_the_cause_is() -> None:
    """Whose alerts come from it, how often such causes proved right here, and what else it could be."""
    candidates = (
        Candidate("host/web-1", b"", 9, ("it was first",)),
        Candidate("switch/s3", b"", 5, ("it is above all",)),
    )
    found = incident(
        affected=("pay", "shop"), how="ranked", candidates=candidates, confidence=Confidence(870_000, right=8, of=9)
    )
    said = worded(tell(found, [])).lines
    assert said[1:5] == (
        "No other alert comes from it",
        "It hurts pay, shop",
        "HostDown on host/web-1, beneath rack/r1",
        "The likeliest of 2: it was first; then switch/s3",
    )
    assert said[5] == "healer is 87% sure of this cause: 8 of 9 such causes proved right here"
    surer = msgspec.structs.replace(found, confidence=Confidence(880_000, right=9, of=10))
    assert tell(surer, []).lines == tell(found, []).lines, "what was learnt elsewhere is no news of this incident"
    over_by_now = msgspec.structs.replace(found, status="resolved", resolved_at=NOON + MINUTE)
    assert not [text for text in worded(tell(over_by_now, [])).lines if "hurts" in text or "sure" in text]


def test_times_of_another_day_say_which() -> None:
    """A fault that lasts, and a silence of a week, would else be read as of today; in the day of whoever reads it."""
    lasting = over(resolved_at=NOON + 30 * 3600 * SECOND, people=People(acked_by="ada", acked_at=NOON))
    lines = worded(tell(lasting, [deed("failed")]), Speech("zh", "Asia/Shanghai")).lines
    assert lines[0] == "开始于 2026-01-01 19:59:00 CST (11:59:00 UTC)"
    assert [text[:19] for text in lines[-2:]] == ["20:00:30 失败：restart", "2026-01-03 02:00:00"]


def test_a_rules_runbook_is_at_hand() -> None:
    """While somebody may have to act; it is text of the rule's, in one line."""
    last = deed("failed", runbook="https://wiki.example/power\n")
    assert tell(incident(), [last]).lines[-1].startswith("It is your turn")
    assert "Runbook: https://wiki.example/power" in tell(incident(), [deed("failed"), last]).lines
    assert not [text for text in tell(over(), [last]).lines if "Runbook" in text]


@pytest.mark.parametrize("language", get_args(Language))
def test_trouble_of_healers_own_fits_line_1_and_names_commands_that_there_are(language: Language) -> None:
    """Whoever is woken by it has to know what it is, and what they type has to work."""
    for code, own in TONGUES[language].troubles.items():
        which = f"{code} x" if "{what}" in own.title else code
        labels = canonical({"alertname": ALERT, "code": which, "severity": "critical"})
        found = incident(root_node="", root_beneath="", root_name=ALERT, root_labels=labels)
        assert not title(found, "broken", Speech(language)).endswith("…"), code
        assert set(re.findall(r"`healer ([a-z]+)", own.meaning)) <= COMMANDS.keys(), code
