"""The headers by which what goes out can be found again: the incident's trace id, plainly and as W3C trace context."""

import re

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def headers(trace_id: str) -> dict[str, str]:
    """`X-Trace-ID` and `traceparent` for 32 lower-case hexadecimal digits; none for anything else.

    A channel knows no span: the parent id is the trace id's second half, the same for all messages of one incident.
    """
    if not _TRACE_ID.fullmatch(trace_id) or not int(trace_id, 16):
        return {}
    parent = trace_id[16:] if int(trace_id[16:], 16) else trace_id[:16]
    return {"X-Trace-ID": trace_id, "traceparent": f"00-{trace_id}-{parent}-01"}
