"""Many texts in little memory: sorted, in one piece of bytes, found by their places and the other way round. Pure.

A million ids as strings in a dict are 120 MiB; here they are what they spell, and four bytes each. Used by
`healer.topology.packed`, for ids and aliases.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

PAGE = 16
"""Texts of which the first is kept as an object: the way to the others goes from there."""


class Names:
    """Texts in their order; one may be there several times. A place is its number in this order."""

    __slots__ = ("_firsts", "_found", "blob", "ends")

    def __init__(self, blob: bytes, ends: "array[int]") -> None:
        """`blob` has all texts as UTF-8, `ends` where each of them ends."""
        self.blob = blob
        self.ends = ends
        starts = [0, *ends[PAGE - 1 : len(ends) - 1 : PAGE]] if ends else []
        self._firsts = [blob[start : ends[page * PAGE]] for page, start in enumerate(starts)]
        self._found = "", self._search(b"")
        """What was looked for last, and its place: much is asked of one node before the next."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Names":
        """`texts` are sorted."""
        blob = "".join(texts).encode("utf-8", "surrogatepass")
        lengths = map(len, texts) if blob.isascii() else (len(one.encode("utf-8", "surrogatepass")) for one in texts)
        return cls(blob, array("I", accumulate(lengths)))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, place: int) -> str:
        ends = self.ends
        return self.blob[ends[place - 1] if place else 0 : ends[place]].decode("utf-8", "surrogatepass")

    def find(self, text: str) -> int:
        """The first place of a text, or -1. Bytes of UTF-8 are in the order of the characters that they spell."""
        last, place = self._found
        if text == last:
            return place
        place = self._search(text.encode("utf-8", "surrogatepass"))
        self._found = text, place
        return place

    def _search(self, wanted: bytes) -> int:
        blob, ends = self.blob, self.ends
        page = bisect_left(self._firsts, wanted)
        low, high = (page - 1) * PAGE + 1 if page else 0, min(page * PAGE, len(ends))
        while low < high:
            middle = (low + high) >> 1
            if blob[ends[middle - 1] if middle else 0 : ends[middle]] < wanted:
                low = middle + 1
            else:
                high = middle
        if low < len(ends) and blob[ends[low - 1] if low else 0 : ends[low]] == wanted:
            return low
        return -1
