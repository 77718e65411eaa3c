"""Fractions that every machine computes alike: integers of a millionth, and logarithms from a table. Pure.

Used wherever a score decides something: floating point may differ in its last digit from one machine to the next.
"""

from functools import lru_cache

ONE = 1_000_000
"""One, in millionths."""

_FINE = 10**15
_BITS = 11


def _table() -> tuple[int, ...]:
    """Natural logarithms of 0 (unused), 1, ..., 2048 in units of 1/_FINE: ln(k+1) - ln(k) = 2 artanh(1/(2k+1))."""
    logarithms = [0, 0]
    for k in range(1, 1 << _BITS):
        odd = 2 * k + 1
        term, step, power = 2 * _FINE // odd, 0, 1
        while term:
            step += term // power
            term //= odd * odd
            power += 2
        logarithms.append(logarithms[-1] + step)
    return tuple(logarithms)


_LN = _table()


def ln(n: int) -> int:
    """The natural logarithm, in millionths, of an integer of at least 1; right to two millionths."""
    assert n >= 1, "only what is at least one has a logarithm here"
    shift = max(n.bit_length() - _BITS, 0)
    head = n >> shift
    rest = n - (head << shift)
    low = _LN[head] + shift * _LN[2]
    if rest:
        low += (_LN[head + 1] - _LN[head]) * rest >> shift
    return low * ONE // _FINE


@lru_cache(10_000)
def ln_one_plus(millionths: int) -> int:
    """ln(1 + x), both in millionths; x is not negative."""
    return ln(ONE + millionths) - ln(ONE)


def share(part: int, whole: int) -> int:
    """part / whole in millionths, 0 where there is no whole."""
    return part * ONE // whole if whole else 0
