"""What the rules of each folder may do, as the configuration says. Used by whoever compiles rules."""

from healer.settings.model import Settings
from rules import Permission


def permissions(settings: Settings) -> list[Permission]:
    """One permission for each path of rules; a path that says nothing permits everything."""
    return [
        Permission(
            path=str(rule.path),
            owner=rule.owner,
            actions=rule.actions,
            nodes=rule.nodes,
            mode_at_most=rule.mode_at_most,
        )
        for rule in settings.rules.paths
    ]
