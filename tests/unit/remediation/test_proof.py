"""What a look after the effect makes of its result, and how long it is waited for."""

from typing import Any

import msgspec

from healer.executors.target import Result, Seen
from healer.remediation.model import Intent
from healer.remediation.proof import looks_after, proven
from healer.times import MINUTE, SECOND
from tests.unit.remediation.build import HOST, NOON

BOOT = "0f5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11\n"
OTHER = "9a5a1cc6-6b0e-4c43-a5a4-8f0f5c3f7a11\n"
DONE = Result("succeeded", exit_code=0, ended_at=NOON)


def intent(**changes: Any) -> Intent:
    plain = Intent(
        id="r1.0.0",
        remediation="r1",
        incident="i1",
        step=0,
        attempt=0,
        action="reboot_node",
        executor="ssh",
        target=HOST,
        token=1,
        argv=("/usr/bin/systemctl", "reboot"),
        trace_id="",
        written_at=NOON,
        deadline=NOON + 10 * MINUTE,
        observe=("/usr/bin/cat", "/proc/sys/kernel/random/boot_id"),
        shows="boot",
        before=BOOT,
    )
    return msgspec.structs.replace(plain, **changes)


def test_only_what_ran_is_looked_after() -> None:
    """What never started, failed by itself, or was not seen before, is not looked at again."""
    assert looks_after(intent(), DONE)
    assert looks_after(intent(), Result("failed", why="the machine was restarted after the command had started"))
    assert not looks_after(intent(), Result("failed", exit_code=1))
    assert not looks_after(intent(), Result("failed", started=False))
    assert not looks_after(intent(before=""), DONE)
    assert not looks_after(intent(shows="service"), Result("failed", why="the run was killed from outside"))


def test_a_reboot_is_waited_for() -> None:
    """The old boot, or no answer, is looked at again until the deadline; a new one is success, whatever the command said."""
    for seen in (Seen(0, BOOT), Seen(why="no route to host")):
        assert proven(intent(), DONE, seen, NOON + MINUTE) is None
        late = proven(intent(), DONE, seen, NOON + 10 * MINUTE)
        assert late is not None
        assert late.outcome == "failed"
    restarted = Result("failed", why="the machine was restarted after the command had started")
    found = proven(intent(), restarted, Seen(0, OTHER), NOON + MINUTE)
    assert found is not None
    assert (found.outcome, found.ended_at) == ("succeeded", NOON + MINUTE)
    assert "rebooted" in found.why


def test_what_does_not_end_is_a_failure() -> None:
    """A process that outlives its TERM for ten seconds was not killed, though the command ended well."""
    killing = intent(shows="process", before="12\n", parameters=(("signal", "TERM"),))
    assert proven(killing, DONE, Seen(0, "12\n"), NOON + 9 * SECOND) is None
    found = proven(killing, DONE, Seen(0, "12\n"), NOON + 10 * SECOND)
    assert found is not None
    assert found.outcome == "failed"
    assert "still there" in found.why


def test_what_cannot_be_seen_leaves_the_result() -> None:
    """A disk on which nothing was freed, or that cannot be looked at any more, is left to verification."""
    df = "/var 1073741824 10737418  99%\n"
    for seen in (Seen(0, df), Seen(why="no route to host")):
        found = proven(intent(shows="disk", before=df), DONE, seen, NOON)
        assert found is not None
        assert found.outcome == "succeeded"
