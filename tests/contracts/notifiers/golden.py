"""What each channel's readers see of an incident's life, in each language. `python -m tests.contracts.notifiers.golden`
writes the files anew after the words were changed on purpose."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from healer.changes.model import Change, Touched
from healer.convergence.outcome import Candidate, Confidence, Incident, People
from healer.notification.calling import REMINDER
from healer.notification.escalation import matter_of
from healer.notification.message import message_of
from healer.notification.story import Story, Summary
from healer.notification.wording import Language, Speech, tell
from healer.remediation.deed import Deed
from healer.times import MINUTE, SECOND
from tests.contracts.notifiers.bench import BENCHES
from tests.contracts.store.given import NOON
from tests.contracts.store.given import incident as given_incident

FOLDER = Path(__file__).parent / "golden"
ZONES: dict[Language, str] = {"en": "UTC", "zh": "Asia/Shanghai"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def _incident() -> Incident:
    found = given_incident("i1")
    root = msgspec.structs.replace(found.root, node="rack/r17", beneath="zone/cn-1", onset=NOON - MINUTE)
    people = People(acked_by="ada", acked_at=NOON + MINUTE)
    return msgspec.structs.replace(found, root=root, suppressed=12, people=people, trace_id=TRACE)


def _deed(state: str, detail: str = "", runbook: str = "") -> Deed:
    what, at, acted = "power_on on rack/r17", NOON + 30 * SECOND, state != "awaiting_approval"
    return Deed("r1", "racks", what, state, detail, at, acted, runbook)


def _all_there_is() -> Incident:
    """One of which much is known: who is hurt, how sure the cause is, what else it could be, and what changed before."""
    candidates = (
        Candidate("rack/r17", b"", 9, ("it was first",)),
        Candidate("switch/s3", b"", 5, ("it is above all of them",)),
    )
    deployed = Change(
        "github", "d", "acme/power", "deploy", "prod", "main", "1a2b3c4d5e", "succeeded", "ada", (), 0, ""
    )
    then = NOON - 5 * MINUTE
    return msgspec.structs.replace(
        _incident(),
        affected=("pay", "shop"),
        how="ranked",
        candidates=candidates,
        confidence=Confidence(870_000, right=8, of=9),
        changes=(Touched(deployed, ("rack/r17",), then, then),),
        people=People(),
    )


def life() -> Sequence[tuple[str, Story]]:
    """Every state, and what people are called for in it."""
    going, known = _incident(), _all_there_is()
    over = msgspec.structs.replace(going, status="resolved", resolution="sent", resolved_at=NOON + 5 * MINUTE)
    storm = Summary(61, 12, (("critical", "switch s3 down, cn-1"), ("error", "pay slow")))
    failed = _deed("failed", "exit 3", "https://wiki.example/power")
    return [
        ("", tell(going, ())),
        ("", tell(going, (_deed("executing"),))),
        ("r1 approval", tell(going, (_deed("awaiting_approval"),))),
        ("r1 failed", tell(going, (failed,))),
        ("", tell(over, (_deed("succeeded"),))),
        ("", tell(over, ())),
        ("root rack/r17", tell(known, (failed,), ("Call the power company first.",), first="switch/s3")),
        (REMINDER, tell(msgspec.structs.replace(known, said_again=1), (), (), storm)),
        (matter_of("nights", 2), tell(known, ())),
        ("", tell(msgspec.structs.replace(going, status="merged", merged_into="i0"), ())),
    ]


async def seen(channel: str, language: Language) -> str:
    """What stands in a channel after each state was sent as a message of its own."""
    speech = Speech(language, ZONES[language])
    async with BENCHES[channel]() as bench:
        for matter, story in life():
            message = message_of(story, "https://healer.example.org", matter, speech)
            await bench.sender.send(message, trace_id=TRACE)
        return "\n\n----\n\n".join(bench.seen()) + "\n"


def file_of(channel: str, language: Language) -> Path:
    return FOLDER / f"{channel}.{language}.txt"


async def _write() -> None:
    for channel in BENCHES:
        for language in get_args(Language):
            file_of(channel, language).write_text(await seen(channel, language))


if __name__ == "__main__":
    asyncio.run(_write())
