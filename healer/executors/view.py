"""What a look at an object brought, in words: made by executors that look by themselves, read by `executors.states`. Pure."""

from typing import Literal

import msgspec


class View(msgspec.Struct, frozen=True):
    """What is so, what the action would make of it, and a mark that is another one once it has.

    `nothing`: it is so already. `impossible`: the server, or what is there, forbids it.
    """

    now: str
    wanted: str = ""
    verdict: Literal["change", "nothing", "impossible"] = "change"
    mark: str = ""
