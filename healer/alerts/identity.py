"""Which alert is this? Its set of labels, as canonical bytes; and Alertmanager's fingerprint of it, for people.

Decoding makes the bytes; the engine, the journal and the index compare nothing else. A fingerprint is computed when it is
shown or searched, never trusted as identity: it is 64 bits, and anyone can write one. Pure.
"""

from collections.abc import Callable, Mapping

import msgspec

encode: Callable[[Mapping[str, str]], bytes] = msgspec.json.Encoder(order="sorted").encode
"""`canonical` for labels that are known to have no empty values: the fast road of decoding."""

_decoder = msgspec.json.Decoder(dict[str, str])

_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_MASK = 0xFFFF_FFFF_FFFF_FFFF


def canonical(labels: Mapping[str, str]) -> bytes:
    """The label set as JSON with sorted names, without empty values (in Prometheus an empty label is no label).

    Raises UnicodeEncodeError for text that has no UTF-8 form.
    """
    if "" in labels.values():
        labels = {name: value for name, value in labels.items() if value}
    return encode(labels)


def labels_of(identity: bytes) -> dict[str, str]:
    """The labels again. Raises msgspec.DecodeError for bytes that `canonical` did not make."""
    return _decoder.decode(identity)


def fingerprint(identity: bytes) -> str:
    """Alertmanager's fingerprint: 16 hexadecimal digits, FNV-1a 64 over the labels in the order of their names.

    Each name and each value is followed by one byte 0xFF (prometheus/common, model/signature.go).
    """
    return fingerprint_of(labels_of(identity))


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """`fingerprint` for labels that are decoded already."""
    digest = _FNV_OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode()):
            digest = (digest ^ byte) * _FNV_PRIME & _MASK
    return f"{digest:016x}"
