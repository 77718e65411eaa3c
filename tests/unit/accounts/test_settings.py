"""What may stand in `server.auth.users`, and what is refused before anybody is let in or locked out by mistake."""

import pytest

from healer.accounts.tokens import PREFIX, new_token, token_hash
from healer.seams import SystemRandom
from healer.settings import parse_settings
from healer.settings.load import SettingsError
from healer.web.settings import Auth

HASH = token_hash("healer_x")


def test_an_account_is_a_reason_to_listen_elsewhere() -> None:
    """Accounts close the door, so that the address may be open."""
    text = f'server: {{listen: "0.0.0.0:9099", auth: {{users: {{ann: {{tokens: ["{HASH}"]}}}}}}}}'
    auth = parse_settings(text, {}).server.auth
    assert (auth.users["ann"].role, auth.shared, bool(auth), bool(Auth())) == ("viewer", "admin", True, False)


@pytest.mark.parametrize(
    ("users", "why"),
    [
        ("{ann: {tokens: [healer_secret]}}", "tokens"),
        (f'{{ann: {{tokens: ["{HASH}"]}}, bob: {{tokens: ["{HASH}"]}}}}', "a token belongs to one user"),
        ("{ann: {role: boss}}", "role"),
        ('{"a n n": {}}', "is no name"),
        ("{am: {}}", "am is in basic as well"),
        ("{ann: {grants: [{role: operator, nodes: [web]}]}}", "'web': expected an operator"),
        ("{ann: {rights: all}}", "rights"),
        ("{ann: {chat: [ann]}}", "'ann': expected somebody in a chat, such as telegram:42"),
        ('{ann: {chat: ["telegram:0"]}}', "expected somebody in a chat"),
        ('{ann: {chat: ["telegram:1"]}, bob: {chat: ["telegram:1"]}}', "who somebody is in a chat belongs to one user"),
    ],
)
def test_what_is_refused(users: str, why: str) -> None:
    """A token in the place of its hash, one token for two, an unknown role, a name that means two."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(f"server: {{auth: {{basic: {{am: {{env: AM}}}}, users: {users}}}}}", {"AM": "x"})
    assert why in str(refused.value)
    assert "healer_secret" not in str(refused.value)


def test_tokens_are_chance() -> None:
    """256 bits, recognizable where they should not be."""
    one, other = (new_token(SystemRandom()) for _ in range(2))
    assert one != other
    assert one.startswith(PREFIX)
    assert len(one) == len(PREFIX) + 64
    assert token_hash(one).startswith("sha256:")
