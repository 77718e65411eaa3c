"""What is missing in a configuration that is valid. Used by `healer doctor --config`; looks at files and the disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from healer.cli.findings import Finding
from healer.executors.ssh_settings import SshSettings
from healer.settings import Settings
from healer.store.opening import CannotOpen
from healer.store.past import NoStore, open_session
from healer.store.settings import Store as Place

FREE_BYTES = 1 << 30
"""Below this much free space on the data folder's disk it is time to act."""
OTHERS = 0o077
"""Rights of group and others, which a private key must not give."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Findings about one configuration."""
    if not settings.channels:
        yield Finding(
            "wrong", "healer tells nobody: there is no channel", "add one under channels (docs/configuration.md)"
        )
    elif all(channel.type == "terminal" for channel in settings.channels.values()):
        yield Finding("note", "healer tells only its own terminal", "add a channel that people read, such as telegram")
    elif not any(channel.last_resort for channel in settings.channels.values()):
        mend = "set last_resort: true on one: it then says so when the store is lost"
        yield Finding("note", "no channel is the last resort", mend)
    yield from _buttons(settings)
    yield from _place(settings)
    if not settings.prometheus:
        mend = "name one under prometheus: rules and verification ask it"
        yield Finding("note", "no Prometheus answers healer's queries", mend)
    if not settings.topology.sources:
        mend = "add topology.sources (`healer topology init` finds some): without edges every node is its own cause"
        yield Finding("wrong", "there is no topology", mend)
    if not settings.topology.nodes and not settings.topology.labels:
        mend = "add lines to topology.nodes, such as {use: kube-prometheus} (docs/topology.md)"
        yield Finding("note", "nothing says on which node an alert sits, but for their label node", mend)
    if settings.watchdog.ping is None:
        mend = "set watchdog.ping to a dead man's switch that shares nothing with healer"
        yield Finding("note", "nobody would notice if healer died", mend)
    yield from _answering_for(settings)
    if settings.executors.ssh is not None:
        yield from _ssh(settings.executors.ssh)
    yield from _server(settings.store) if settings.store.on_server else _disk(settings.store.folder)


def _place(settings: Settings) -> Iterator[Finding]:
    if settings.place == "shadow":
        yield Finding("note", "place: shadow: healer repairs nothing", "docs/operations.md says when to go on to lead")
    elif settings.rules.dry_run:
        mend = "when its suggestions have been right for a while: rules.dry_run: false"
        yield Finding("note", "dry run: healer says what it would do, and repairs nothing", mend)
    if settings.place != "only" and not settings.alertmanager.urls:
        mend = "name every Alertmanager under alertmanager.urls: silences count, and lost alerts are found"
        yield Finding("wrong", "healer does not see Alertmanager's silences", mend)


def _buttons(settings: Settings) -> Iterator[Finding]:
    """Can the buttons be pressed that people see?"""
    ways = {name: getattr(channel.config, "buttons", "none") for name, channel in settings.channels.items()}
    shown = [name for name, way in ways.items() if way != "none"]
    if shown and not any(user.chat for user in settings.server.auth.users.values()):
        mend = "put who they are there under server.auth.users.NAME.chat: healer answers it to whoever presses"
        yield Finding("wrong", f"nobody may press the buttons of {', '.join(shown)}", mend)
    if "webhook" in ways.values() and not settings.server.url.startswith("https://"):
        hooked = ", ".join(name for name, way in ways.items() if way == "webhook")
        mend = "set server.base_url to an https address that they can reach, or, for Telegram, say buttons: poll"
        yield Finding("wrong", f"{settings.server.url} is no address for presses of {hooked}", mend)


def _answering_for(settings: Settings) -> Iterator[Finding]:
    """Who did it, and can that be shown? For a healer that repairs."""
    if settings.place == "shadow" or settings.rules.dry_run:
        return
    auth = settings.server.auth
    if (auth.bearer or auth.basic) and auth.shared == "admin":
        mend = "give people tokens of their own (`healer users token NAME`), then set server.auth.shared: sender"
        yield Finding("note", "whoever has a shared token or password may do everything, under any name", mend)
    if not settings.audit.anchor:
        mend = "set audit.anchor to a file, a channel or a webhook elsewhere (docs/security.md)"
        yield Finding("note", "nothing outside vouches for the audit log", mend)


def _ssh(ssh: SshSettings) -> Iterator[Finding]:
    if not ssh.keys:
        yield Finding(
            "wrong", "ssh has no key", "executors.ssh.keys names the private key files (deploy/target/README.md)"
        )
    for key in map(Path, ssh.keys):
        if not key.is_file():
            yield Finding("wrong", f"the key {key} is not there", "ssh-keygen -t ed25519 -N '' -f FILE makes one")
        elif key.stat().st_mode & OTHERS:
            yield Finding("wrong", f"others may read the key {key}", f"chmod 600 {key}")
    known = Path(ssh.known_hosts)
    if not ssh.known_hosts or not known.is_file() or not known.stat().st_size:
        mend = "without known hosts every machine is refused: executors.ssh.known_hosts (deploy/target/README.md)"
        yield Finding("wrong", "no machine's host key is known", mend)


def _disk(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding(
            "note", f"the data folder {folder} is not here", "it is made at the first start; or this is another machine"
        )
        return
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        mend = "a full disk means 503 for every alert: make room, or set journal.retention lower"
        yield Finding("wrong", f"{free >> 20} MiB are free for {folder}", mend)
    else:
        yield Finding("good", f"{free >> 30} GiB are free for the data")


def _server(place: Place) -> Iterator[Finding]:
    """Does the server let healer in from here, and are its tables there?"""
    try:
        session, _ = open_session(place)
    except NoStore:
        mend = "its tables are made at the first start, or by `healer restore FILE --config FILE`"
        yield Finding("note", f"there is nothing of healer's in {place.url}", mend)
    except CannotOpen as error:
        yield Finding("wrong", f"the store cannot be read: {error}", "until it can, senders get 503 and come again")
    else:
        session.close()
        yield Finding("good", f"{place.url} lets healer in")
