"""Who acts, and with which rights? Made by `healer.web.auth` for each request, judged by `healer.accounts.rights`."""

from typing import Literal

import msgspec

from healer.accounts.settings import Grant, Role

Right = Literal["send", "read", "respond", "operate", "administer"]
"""What a request is about: alerts that come in; reading; words of people and the kill switch thrown; repairs, maintenance and
the kill switch released; the configuration."""

RIGHTS: dict[Role, frozenset[Right]] = {
    "sender": frozenset({"send"}),
    "viewer": frozenset({"read"}),
    "responder": frozenset({"read", "respond"}),
    "operator": frozenset({"read", "respond", "operate"}),
    "admin": frozenset({"send", "read", "respond", "operate", "administer"}),
}


class Account(msgspec.Struct, frozen=True):
    """Whoever showed a credential. `known` is how well healer knows who that is.

    `person`: a name of its own; `shared`: a token that many may have, so a name that comes with it is only what
    somebody says; `open`: no credentials are asked for.
    """

    name: str
    role: Role
    known: Literal["person", "shared", "open"] = "person"
    grants: tuple[Grant, ...] = ()
    teams: tuple[str, ...] = ()


class Deed(msgspec.Struct, frozen=True):
    """One action on one node ("" for none): what a grant has to cover."""

    action: str
    node: str
