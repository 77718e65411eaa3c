"""What is read from what the machine's own programs say, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.executors.states import KINDS, patience, preview, told, took_effect
from healer.executors.states.reading import Change, Given, Proof
from healer.executors.target import Seen
from rules.actions import SHOWN, TELLS
from rules.units import Type

BOOT = "0f5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11\n"
OTHER_BOOT = "9a5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11\n"
RUNS = "Type=simple\nMainPID=712\nLoadState=loaded\nActiveState=active\nSubState=running\nInvocationID=aa\n"
FAILED = "Type=simple\nMainPID=0\nLoadState=loaded\nActiveState=failed\nSubState=failed\nInvocationID=\n"
FULL = "Mounted on 1B-blocks Avail Use%\n/var 1073741824 10737418  99%\n"
ROOMY = "Mounted on 1B-blocks Avail Use%\n/var 1073741824 751619276  30%\n"
LEASE = '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.7","dynamic":true,"valid_life_time":%d}]}]'
STATIC = '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.7","valid_life_time":4294967295}]}]'


def test_kinds_are_those_of_the_language() -> None:
    """What a rule file may say after `shows:` is what can be read."""
    assert set(KINDS) == set(SHOWN) | {"object"}


@pytest.mark.parametrize(
    ("shows", "seen", "values", "verdict", "says"),
    [
        ("boot", Seen(0, BOOT), {}, "change", "boot 0f5a1cc6 -> a new boot"),
        (
            "service",
            Seen(0, RUNS),
            {"unit": "shop.service"},
            "change",
            "shop.service is active (running) -> started anew",
        ),
        ("service", Seen(0, "LoadState=not-found"), {"unit": "x.service"}, "impossible", "there is no unit x.service"),
        ("service", Seen(0, "LoadState=masked"), {"unit": "x.service"}, "impossible", "is masked"),
        ("service", Seen(1, "no bus"), {"unit": "x.service"}, "change", "exit code 1"),
        ("disk", Seen(0, FULL), {"below": 0.8}, "change", "/var is 99% used, 10.2MiB free of 1GiB -> below 80% used"),
        ("disk", Seen(0, ROOMY), {"below": 0.8}, "nothing", "nothing to do: /var is 30% used"),
        ("disk", Seen(0, ROOMY), {}, "change", "more room"),
        ("disk", Seen(0, ROOMY), {"below": 0.3}, "change", "below 30% used"),
        ("disk", Seen(1, "df: /x: No such file"), {"below": 0.8}, "impossible", "exit code 1"),
        ("process", Seen(0, "12\n13\n"), {"process": "java"}, "change", "java runs: pid 12, 13 -> it gets TERM"),
        ("process", Seen(1, ""), {"process": "java"}, "nothing", "nothing to do: no java runs"),
        ("process", Seen(2, "pgrep: invalid user name: x"), {}, "impossible", "invalid user name"),
        ("lease", Seen(0, LEASE % 600), {"interface": "eth0"}, "change", "eth0 has 10.0.0.7 for 10m -> a new lease"),
        ("lease", Seen(0, STATIC), {"interface": "eth0"}, "change", "eth0 has no leased address"),
        ("lease", Seen(1, 'Device "eth9" does not exist.'), {}, "impossible", "does not exist"),
        ("", Seen(0, "inactive\n"), {}, "change", "inactive"),
        ("disk", Seen(why="no route to host"), {}, "change", "unknown: no route to host"),
    ],
)
def test_preview(shows: str, seen: Seen, values: Given, verdict: str, says: str) -> None:
    """The present state, what would become of it, and whether that is anything at all."""
    change = preview(shows, seen, values)
    assert (change.verdict, says in change.sentence) == (verdict, True), change


@pytest.mark.parametrize(
    ("shows", "before", "after", "values", "took", "says"),
    [
        ("boot", BOOT, Seen(0, OTHER_BOOT), {}, True, "rebooted: boot 0f5a1cc6 before, 9a5a1cc6 now"),
        ("boot", BOOT, Seen(0, BOOT), {}, False, "did not reboot"),
        ("boot", BOOT, Seen(why="no route to host"), {}, None, "no route"),
        ("boot", BOOT, Seen(0, "gibberish"), {}, None, "could not be read"),
        ("service", FAILED, Seen(0, RUNS), {}, True, "was failed (failed), is active (running)"),
        ("service", RUNS, Seen(0, RUNS.replace("aa", "bb")), {}, True, "is active"),
        ("service", RUNS, Seen(0, RUNS), {}, False, "was not started anew"),
        ("service", RUNS, Seen(0, FAILED), {}, False, "is failed"),
        ("service", "Type=oneshot\n", Seen(0, "Type=oneshot\nActiveState=inactive\n"), {}, None, "inactive"),
        ("disk", FULL, Seen(0, ROOMY), {}, True, "707MiB freed"),
        ("disk", FULL, Seen(0, FULL), {}, None, "nothing was freed"),
        ("process", "12\n", Seen(1, ""), {"signal": "KILL"}, True, "gone: pid 12"),
        ("process", "12\n", Seen(0, "12\n99\n"), {"signal": "KILL"}, False, "still there after KILL: pid 12"),
        ("process", "12\n", Seen(0, "99\n"), {}, True, "gone: pid 12"),
        ("process", "12\n", Seen(0, "12\n"), {"signal": "HUP"}, None, ""),
        ("lease", LEASE % 600, Seen(0, LEASE % 3600), {}, True, "for 1h"),
        ("lease", LEASE % 600, Seen(0, LEASE % 599), {}, False, "was not renewed"),
        ("lease", STATIC, Seen(0, LEASE % 60), {}, True, "for 1m"),
        ("", "old", Seen(0, "new"), {}, None, ""),
        ("disk", "", Seen(0, ROOMY), {}, None, ""),
    ],
)
def test_took_effect(shows: str, before: str, after: Seen, values: Given, took: bool | None, says: str) -> None:
    """What was wanted shows, or does not, or nothing of the kind can be told."""
    proof = took_effect(shows, before, after, values)
    assert (proof.took, says in proof.why) == (took, True), proof


@given(
    shows=st.sampled_from([*KINDS, ""]),
    before=st.text(max_size=200),
    after=st.builds(Seen, st.none() | st.integers(0, 255), st.text(max_size=200), st.text(max_size=20)),
)
def test_whatever_a_machine_says(shows: str, before: str, after: Seen) -> None:
    """What a machine says is other people's text: it is read, or it is not, and nothing breaks."""
    assert isinstance(preview(shows, after, {"below": 0.5}), Change)
    assert isinstance(took_effect(shows, before, after, {}), Proof)


@pytest.mark.parametrize(
    ("shows", "seen", "value"),
    [
        ("boot", Seen(0, BOOT), BOOT.strip()),
        ("boot", Seen(1, "cat: no such file"), None),
        ("service", Seen(0, RUNS), "active"),
        ("service", Seen(0, "LoadState=not-found\nActiveState=inactive"), "not-found"),
        ("service", Seen(1, "no bus"), None),
        ("disk", Seen(0, FULL), 0.99),
        ("disk", Seen(1, "df: /x: No such file"), None),
        ("process", Seen(0, "12\n13\n"), 2.0),
        ("process", Seen(1, ""), 0.0),
        ("process", Seen(2, "pgrep: invalid user name: x"), None),
        ("lease", Seen(0, LEASE % 600), 600.0),
        ("lease", Seen(0, STATIC), 0.0),
        ("lease", Seen(1, "no device"), None),
        ("object", Seen(0, "pod a is Running"), 1.0),
        ("object", Seen(1, "pod a is Pending"), 0.0),
        ("", Seen(7, "anything"), 7.0),
        ("", Seen(why="no route to host"), None),
        ("nothing that is known", Seen(0, "x"), None),
    ],
)
def test_told(shows: str, seen: Seen, value: float | str | None) -> None:
    """A state as one value, and why there is none."""
    found, why = told(shows, seen)
    assert found == value
    assert bool(why) is (value is None)


def test_what_is_told_has_the_type_that_rules_compare_with() -> None:
    """A kind of state is text or number, and the language says which."""
    texts = {shows for shows, kind in TELLS.items() if kind is Type.STRING}
    assert texts == {"boot", "service"}
    assert set(TELLS) == set(SHOWN)


def test_patience() -> None:
    """A reboot may take until the step's deadline, a process takes its leave, text proves nothing later either."""
    assert (patience("boot"), patience("process"), patience("")) == (None, 10_000_000, 0)
