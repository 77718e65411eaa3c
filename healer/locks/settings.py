"""What people may set about locks. Assembled by `healer.settings`."""

from typing import Literal

import msgspec


class Locks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who says who may touch a target now."""

    backend: Literal["local"] = "local"
    """`local`: inside this process, which is enough for one."""
