"""By which headers can what healer asks others be found again? Used by clients that are called on behalf of an incident."""

from healer.telemetry.logs import trace_id
from healer.telemetry.trace import root_span_id


def trace_headers() -> dict[str, str]:
    """`X-Trace-ID` and `traceparent` of what this task works for; none while it works for nothing in particular."""
    trace = trace_id.get()
    return {"X-Trace-ID": trace, "traceparent": f"00-{trace}-{root_span_id(trace):016x}-01"} if trace else {}
