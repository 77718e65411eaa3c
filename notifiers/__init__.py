"""How people are reached: one module per channel, one attempt at a time, and what its answer meant.

`CHANNELS` lists the types of channels; `DISTRIBUTION` says whose package this is, so that bootstrap notices when another
distribution's `notifiers` has overwritten it.
"""

from notifiers.registry import CHANNELS, ChannelType, Means

DISTRIBUTION = "healer"

__all__ = ["CHANNELS", "DISTRIBUTION", "ChannelType", "Means"]
