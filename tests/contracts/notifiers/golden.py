"""What each channel's readers see of an incident's life, in each language. `python -m tests.contracts.notifiers.golden`
writes the files anew after the words were changed on purpose."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec

from healer.convergence.outcome import Incident, People
from healer.notification.message import message_of
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


def _deed(state: str, detail: str = "") -> Deed:
    return Deed(
        "r1", "racks", "power_on on rack/r17", state, detail, NOON + 30 * SECOND, acted=state != "awaiting_approval"
    )


def life() -> Sequence[tuple[str, Incident, tuple[Deed, ...]]]:
    """Every state, and what people are called for in it."""
    going = _incident()
    over = msgspec.structs.replace(going, status="resolved", resolution="sent", resolved_at=NOON + 5 * MINUTE)
    return [
        ("", going, ()),
        ("", going, (_deed("executing"),)),
        ("r1 approval", going, (_deed("awaiting_approval"),)),
        ("r1 failed", going, (_deed("failed", "exit 3"),)),
        ("", over, (_deed("succeeded"),)),
        ("", over, ()),
    ]


async def seen(channel: str, language: Language) -> str:
    """What stands in a channel after each state was sent as a message of its own."""
    speech = Speech(language, ZONES[language])
    async with BENCHES[channel]() as bench:
        for matter, incident, deeds in life():
            message = message_of(tell(incident, deeds), "https://healer.example.org", matter, speech)
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
