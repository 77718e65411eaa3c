"""Which records of the journal are acts of people, or change what decides? Those are entries of the audit log as well. Pure.

Called where the journal is appended to (`healer.store.transactions.journal`).
"""

from collections.abc import Sequence
from typing import Any

from healer.alerts.silences import SilenceMatcher
from healer.convergence.people import Said
from healer.journey.records import Adopted, Extended, Hushed, Lifted, Maintained, Record

_ACTS = (Said, Hushed, Maintained, Extended, Lifted, Adopted)


def act_of(record: Record) -> tuple[str, dict[str, Any]] | None:
    """Kind and detail of the entry for a record, None for the many that nobody did."""
    if not isinstance(record, _ACTS):
        return None
    match record:
        case Said():
            detail = {"incident": record.incident, "by": record.by, "comment": record.comment}
            more = {"node": record.node, "other": record.other, "alerts": len(record.alerts)}
            return f"incident {record.verb}", detail | {name: value for name, value in more.items() if value}
        case Hushed(silence=said):
            return "silence", {
                "by": said.created_by,
                "comment": said.comment,
                "silence": said.id,
                "matchers": _written(said.matchers),
                "from": said.starts_at,
                "until": said.ends_at,
            }
        case Maintained(maintenance=work):
            return "maintenance", {
                "by": work.created_by,
                "comment": work.comment,
                "node": work.node,
                "below": work.below,
                "matchers": _written(work.matchers),
                "schedule": work.schedule,
                "from": work.starts_at,
                "until": work.ends_at,
            }
        case Extended():
            return "maintenance extended", {"by": record.by, "maintenance": record.id, "until": record.until}
        case Lifted():
            return "silence or maintenance ended", {"by": record.by, "id": record.id}
        case Adopted():
            versions = {"topology": record.topology, "settings": record.settings, "rules": record.rules}
            return "settings and rules adopted", versions


def _written(matchers: Sequence[SilenceMatcher]) -> list[str]:
    """As people write them; nothing is compiled here, where it might fail."""
    signs = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
    return [f'{one.name}{signs[one.is_regex, one.is_equal]}"{one.value}"' for one in matchers]
