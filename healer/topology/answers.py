"""What a source of the topology said last. Kept by the store, so that a source that fails, even over a restart, takes
nothing away; the sources' room is `healer.topology.sources`, and `healer.survey` makes one graph of them. Pure.
"""

import msgspec

from healer.times import Micros


class Answer(msgspec.Struct, frozen=True):
    """`data` is `graph.Topology.encode()`; `at` is when the source last said so."""

    source: str
    at: Micros
    data: bytes
