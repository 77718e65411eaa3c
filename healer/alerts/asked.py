"""The alert that is somebody's request for a remediation, made of a `Remediation` object by `healer.requests`. Pure.

It is an alert like any other, so that what is asked for is planned, guarded, approved and told on the one road that there is.
Nobody outside knows of it: no Alertmanager can say that it is gone, it is no sign that alerts come in, and nobody who may send
alerts can ask for something with it.
"""

ALERT = "RemediationRequested"
"""Its alertname."""
SENDER = "remediations/"
"""How its sender's name begins; the cluster's follows."""

_MARK = f'"alertname":"{ALERT}"'.encode()


def is_asked(labels: bytes) -> bool:
    """Whether canonical labels are of such an alert. Within a value the quotes would be escaped."""
    return _MARK in labels
