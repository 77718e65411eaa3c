"""What did not help twice on a node is suspended there, in the transaction that stores the second failure.

A suspension is a kill switch of one rule on one node: healer throws it, a person releases it (`healer resume`). It is told as
an alert of healer's own, for as long as it lasts.
"""

from healer.remediation.guards.counted import INEFFECTIVE, scope_of
from healer.remediation.guards.failures import did_not_help
from healer.remediation.model import Remediation
from healer.remediation.ports import Switch
from healer.store.transaction import Transaction
from healer.store.transactions import counting, switches
from healer.times import Micros, format_duration


def suspend(transaction: Transaction, remediation: Remediation, now: Micros) -> None:
    """Suspend the rule wherever this end of a remediation is one too many. What had no effect is no failure."""
    if remediation.state not in INEFFECTIVE:
        return
    connection = transaction.connection
    for limit in remediation.plan.limits:
        if limit.form != "ineffective" or not counting.has_acted(connection, remediation.id, limit.key):
            continue
        scope = scope_of(remediation.plan.rule, limit.on)
        switch = switches.of(connection, scope)
        if switch is not None and switch.thrown:
            continue
        runs = counting.runs(connection, remediation.id, limit, now)
        count = 1 + did_not_help(runs, switch.at if switch is not None else 0)
        if count >= limit.count:
            why = f"{count} runs in {format_duration(limit.window)} did not help; the last: {remediation.detail}"
            switches.throw(transaction, Switch(scope, True, switches.SUSPENDER, why, now))
