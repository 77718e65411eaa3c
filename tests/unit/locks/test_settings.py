"""What may be said about locks, and what is refused, with the reason."""

import pytest

from healer.locks.settings import Locks
from healer.settings import parse_settings
from healer.settings.load import SettingsError

ETCD = 'etcd: {urls: ["http://127.0.0.1:2379"]}'


def test_what_may_be_said() -> None:
    """etcd alone or beside Redis; local degradation, since the store is SQLite."""
    found = parse_settings(f'locks: {{{ETCD}, redis: {{urls: ["redis://r1"]}}, degrade: local}}', {}).locks
    assert found.etcd is not None
    assert found.redis is not None
    assert (found.degrade, Locks().degrade) == ("local", "wait")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("locks: {degrade: local}", "locks are local already"),
        ('locks: {redis: {urls: ["http://r1:6379"]}}', "expected redis://HOST:PORT/0"),
        ('locks: {redis: {urls: ["redis://r1", "redis://r2"]}}', "expected one URL, or 3 or 5"),
        ("locks: {etcd: {urls: []}}", "name at least one member"),
        ('locks: {etcd: {urls: ["http://e:2379"], username: healer}}', "username and password go together"),
        ('locks: {etcd: {urls: ["e:2379"]}}', "is no URL"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(text, {})
    assert why in str(refused.value)
