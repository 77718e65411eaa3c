"""Where commands keep compiled rules from one call to the next. Called by `healer.cli.main` for those that compile."""

from healer.settings.cache import cache_folder
from rules import keep_in


def keep() -> None:
    """In the user's cache folder; nowhere, where there is none."""
    keep_in(cache_folder())
