"""What people may set about the journal. Assembled by `healer.settings`."""

from typing import Annotated

import msgspec

from healer.documents.fields import Duration
from healer.times import DAY


class Journal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can change a decision, in order, durable before it is answered."""

    max_lag: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    """Alerts accepted but not yet converged; beyond it the answer is 503, and senders try again."""
    snapshot_every: int = 500_000
    """Alerts between two snapshots of what is decided; a restart folds again at most so many, about five seconds."""
    retention: Duration = 30 * DAY
    """How long whole days are kept together with the versions they refer to."""

    def __post_init__(self) -> None:
        if self.retention < DAY:
            raise ValueError("expected at least 1d", "retention")
