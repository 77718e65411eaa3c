"""Who types this command? For what is written down under somebody's name, where healer itself does not know better."""

import os
import pwd


def somebody() -> str:
    """The user name, or the number where there is none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
