"""What the doctor finds in a configuration that is valid and still lacks something."""

from pathlib import Path

import pytest

from healer.cli.findings import Finding
from healer.cli.setup import examine
from healer.settings import parse_settings

FULL = """
server: {{auth: {{bearer: [{{env: TOKEN}}], shared: sender}}}}
audit: {{anchor: {{file: {folder}/anchors}}}}
place: lead
store: {{url: "sqlite:///{folder}/healer.db"}}
topology: {{sources: [{{labels: [rack, host]}}]}}
prometheus: ["http://127.0.0.1:9090"]
alertmanager: {{urls: ["http://127.0.0.1:9093"]}}
channels: {{duty: {{type: telegram, token: {{env: TOKEN}}, chat_id: 5, last_resort: true}}}}
watchdog: {{ping: "https://deadman.example/1"}}
executors: {{ssh: {{keys: [{folder}/key], known_hosts: {folder}/known}}}}
rules: {{dry_run: false}}
"""


def found(text: str) -> list[Finding]:
    environ = {"TOKEN": "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi", "SECRET": "a-secret-of-16-or-more"}
    return [finding for finding in examine(parse_settings(text, environ)) if finding.level != "good"]


@pytest.fixture
def full(tmp_path: Path) -> str:
    (tmp_path / "key").write_text("secret")
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "known").write_text("host ssh-ed25519 AAAA\n")
    return FULL.format(folder=tmp_path)


def test_a_complete_configuration_lacks_nothing(full: str) -> None:
    assert found(full) == []


@pytest.mark.parametrize(
    ("old", "new", "level", "what"),
    [
        ("last_resort: true", "last_resort: false", "note", "no channel is the last resort"),
        ("type: telegram, token: {env: TOKEN}, chat_id: 5, ", "type: terminal, ", "note", "only its own terminal"),
        ("dry_run: false", "dry_run: true", "note", "dry run"),
        (", shared: sender", "", "note", "whoever has a shared token or password may do everything"),
        ("audit: {anchor", "# {", "note", "nothing outside vouches for the audit log"),
        ("place: lead", "place: shadow", "note", "place: shadow"),
        ("sources: [{labels: [rack, host]}]", "sources: []", "wrong", "there is no topology"),
        ("sources: [{labels: [rack, host]}]", "sources: [{file: t.yaml}]", "note", "nothing says on which node"),
        ('watchdog: {ping: "https://deadman.example/1"}', "", "note", "nobody would notice if healer died"),
        ('prometheus: ["http://127.0.0.1:9090"]', "", "note", "no Prometheus answers"),
        ("/key]", "/other]", "wrong", "is not there"),
        ("/known}", "/unknown}", "wrong", "no machine's host key is known"),
    ],
)
def test_what_is_missing_is_found(old: str, new: str, level: str, what: str, full: str) -> None:
    """Each part that an installation should have is missed when it is not there."""
    assert old in full
    findings = found(full.replace(old, new))
    assert any(finding.level == level and what in finding.what and finding.mend for finding in findings), findings


def test_a_topology_from_elsewhere_is_one(full: str) -> None:
    """A query, or a cluster, is as good a source as a file; lines that ship are as good as one's own."""
    rows = "{prometheus: {query: up, child: 'host/{instance}'}}"
    text = full.replace("sources: [{labels: [rack, host]}]", f"sources: [{rows}], nodes: [{{use: kube-prometheus}}]")
    assert found(text) == []


def test_a_key_that_others_may_read_is_wrong(full: str, tmp_path: Path) -> None:
    (tmp_path / "key").chmod(0o644)
    assert [finding.mend for finding in found(full)] == [f"chmod 600 {tmp_path / 'key'}"]


def test_beside_alertmanager_its_silences_have_to_be_seen(full: str) -> None:
    text = full.replace('alertmanager: {urls: ["http://127.0.0.1:9093"]}', "").replace("place: lead", "place: shadow")
    assert any("silences" in finding.what for finding in found(text) if finding.level == "wrong")


def test_buttons_that_nobody_can_press_are_wrong(full: str) -> None:
    """Where no account says who it is in a chat, and where presses would be sent to an address that no provider takes."""
    shown = full.replace("chat_id: 5", "chat_id: 5, buttons: webhook, secret_token: {env: SECRET}")
    assert [finding.what.partition(" of ")[0] for finding in found(shown) if finding.level == "wrong"] == [
        "nobody may press the buttons",
        "http://127.0.0.1:9099 is no address for presses",
    ]
    users = 'shared: sender, users: {ann: {chat: ["telegram:1"]}}}, base_url: "https://healer.example"}'
    assert found(shown.replace("shared: sender}}", users)) == []


def test_nobody_to_tell_is_wrong() -> None:
    assert any("tells nobody" in finding.what for finding in found("place: only\n"))
