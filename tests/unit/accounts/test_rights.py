"""Who may do what: by role everywhere, by grants for some actions on some nodes, and nothing that is not plainly allowed."""

from collections.abc import Sequence

import pytest

from healer.accounts.model import RIGHTS, Account, Deed, Right
from healer.accounts.rights import holds, refuse, refuse_asked
from healer.accounts.settings import Grant, Role

WEB = Grant(role="operator", actions=("restart_service",), nodes=('owner="web"',))


def covers(matchers: Sequence[str], node: str) -> bool:
    """Nodes of this world: host/web-1 is the web team's."""
    return tuple(matchers) == WEB.nodes and node == "host/web-1"


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        ("sender", {"send"}),
        ("viewer", {"read"}),
        ("responder", {"read", "respond"}),
        ("operator", {"read", "respond", "operate"}),
        ("admin", {"send", "read", "respond", "operate", "administer"}),
    ],
)
def test_roles(role: Role, rights: set[Right]) -> None:
    """Each role has these rights, everywhere, and no other."""
    account = Account("ann", role)
    every: tuple[Right, ...] = ("send", "read", "respond", "operate", "administer")
    assert {right for right in every if holds(account, right)} == rights == RIGHTS[role]
    assert {right for right in every if not refuse(account, right, [Deed("x", "y")], covers)} == rights


@pytest.mark.parametrize(
    ("deeds", "refusal"),
    [
        ([Deed("restart_service", "host/web-1")], ""),
        ([Deed("reboot_node", "host/web-1")], "ann has no right to operate for reboot_node on host/web-1"),
        ([Deed("restart_service", "host/db-1")], "ann has no right to operate for restart_service on host/db-1"),
        ([Deed("restart_service", "")], "ann has no right to operate for restart_service on "),
        ([Deed("restart_service", "host/web-1"), Deed("reboot_node", "host/web-1")], "ann has no right to operate for"),
        ([Deed("", "host/web-1")], "ann has no right to operate for host/web-1"),
        ([], "ann may operate on a part alone, and this is about no node"),
    ],
)
def test_a_grant_covers_some_actions_on_some_nodes(deeds: list[Deed], refusal: str) -> None:
    """Every deed has to be covered; what is about nothing in particular is not."""
    account = Account("ann", "viewer", grants=(WEB,))
    assert holds(account, "operate")
    said = refuse(account, "operate", deeds, covers)
    assert said.startswith(refusal)
    assert bool(said) is bool(refusal)


def test_without_a_grant_it_says_which_role_it_takes() -> None:
    """A refusal says what would be needed."""
    assert refuse(Account("ann", "viewer"), "operate", [], covers) == "ann is a viewer: this takes an operator"
    shared = Account("", "viewer", "shared")
    assert refuse(shared, "administer", [], covers) == "whoever holds a shared token is a viewer: this takes an admin"


@pytest.mark.parametrize(
    ("account", "teams", "may"),
    [
        (Account("ann", "operator", teams=("sre",)), {"sre"}, True),
        (Account("sre", "operator"), {"sre"}, True),
        (Account("bob", "operator"), {"sre"}, False),
        (Account("bob", "admin"), {"sre"}, False),
        (Account("bob", "operator"), {"web"}, False),
        (Account("bob", "admin"), {"web"}, True),
        (Account("bob", "operator"), set(), True),
        (Account("", "operator", "shared", teams=("sre",)), {"sre"}, False),
    ],
)
def test_who_is_asked_may_answer(account: Account, teams: set[str], may: bool) -> None:
    """A team or a name that exists is meant alone; one that nobody has falls to admins, or to all where there are no teams."""
    assert (not refuse_asked(account, "sre", teams)) is may
