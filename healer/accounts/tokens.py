"""What a token looks like, and what is kept of it. Used by `healer users token` and by `healer.web.auth`.

A token is 256 bits of chance, so one round of SHA-256 is enough to keep it: there is nothing to guess.
"""

import hashlib

from healer.seams import Random

PREFIX = "healer_"
"""So that a token is recognized where it should not be: in a commit, in a paste."""
BYTES = 32


def new_token(random: Random) -> str:
    """A token that nobody can guess."""
    return PREFIX + random.token(BYTES)


def token_hash(token: str) -> str:
    """What of it stands in the configuration."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()
