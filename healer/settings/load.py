"""Reads the configuration: the one place that looks at files and the environment. Called by bootstrap and the CLI."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from healer.alerts.asked import ALERT
from healer.alerts.matchers import parse_matchers
from healer.documents.convert import convert
from healer.documents.document import Document, load_document, parse_document
from healer.documents.problems import DocumentError, Problem
from healer.settings.channels import hooks
from healer.settings.model import Settings
from healer.settings.oncall import wrong_names
from healer.topology.lines import MappingError, compile_mapping
from healer.topology.settings import Mapping as Line
from healer.topology.shipped import shipped_names, with_shipped
from healer.topology.template import Template, TemplateError
from notifiers import CHANNELS
from notifiers.telegram import TelegramConfig


class SettingsError(DocumentError):
    """A configuration that cannot be used. `problems` has every mistake with file, line, key and what would be right."""


def load_settings(file: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in a YAML file, checked; without a file the embedded default.

    `environ` (by default the process's) answers `{env: NAME}`. Paths are relative to the file. Raises SettingsError.
    """
    if file is None:
        return default_settings()
    try:
        return _read(load_document(file), os.environ if environ is None else environ)
    except DocumentError as error:
        raise SettingsError(error.problems) from None


def parse_settings(text: str, environ: Mapping[str, str], file: str = "healer.yaml") -> Settings:
    """The settings in a text, as if it were this file. Raises SettingsError."""
    try:
        return _read(parse_document(text, file), environ)
    except DocumentError as error:
        raise SettingsError(error.problems) from None


def default_settings() -> Settings:
    """The embedded healer: 127.0.0.1:9099, SQLite in ./data, nobody to tell, nothing to heal."""
    return Settings()


def _read(document: Document, environ: Mapping[str, str]) -> Settings:
    types = {name: channel.config for name, channel in CHANNELS.items()}
    settings = convert(document, Settings, environ, hooks(types))
    problems = list(_cross_check(document, settings))
    if problems:
        raise DocumentError(problems)
    return _beside(settings, Path(document.file).parent)


def _cross_check(document: Document, settings: Settings) -> Iterator[Problem]:
    """What no part can know alone."""
    for index, line in enumerate(settings.topology.nodes):
        if line.use:
            if line.use not in shipped_names():
                known = ", ".join(shipped_names())
                message = f"no lines ship under the name {line.use!r}; there are {known}"
                yield document.problem(("topology", "nodes", index, "use"), message)
            continue
        try:
            compile_mapping(line, index)
        except MappingError as error:
            yield document.problem(("topology", "nodes", index, *error.path), error.message)
    for index, change in enumerate(settings.changes.nodes):
        try:
            compile_mapping(change.mapping(), index)
        except MappingError as error:
            yield document.problem(("changes", "nodes", index, *error.path), error.message)
    yield from _sources(document, settings)
    yield from wrong_names(document, settings)
    yield from _bots(document, settings)
    for name, channel in settings.channels.items():
        if channel.fallback and (channel.fallback == name or channel.fallback not in settings.channels):
            others = ", ".join(other for other in settings.channels if other != name) or "none"
            wrong = f"{channel.fallback!r} is no other channel; other channels: {others}"
            yield document.problem(("channels", name, "fallback"), wrong)
    kept_in = settings.audit.anchor.channel
    if kept_in and kept_in not in settings.channels:
        known = ", ".join(settings.channels) or "none"
        message = f"no channel is called {kept_in!r}; channels: {known}"
        yield document.problem(("audit", "anchor", "channel"), message)
    if settings.locks.degrade == "local" and not settings.store.url.startswith("sqlite:"):
        message = "local needs SQLite: only there it is certain that no other process is at work"
        yield document.problem(("locks", "degrade"), message)
    if settings.place == "lead" and not settings.alertmanager.urls:
        message = "lead needs alertmanager.urls: it silences the backstop there for what healer has told"
        yield document.problem(("place",), message)


def _bots(document: Document, settings: Settings) -> Iterator[Problem]:
    """Channels of one bot get their presses in one way: Telegram keeps one for each."""
    first: dict[str, tuple[str, tuple[object, ...]]] = {}
    for name, channel in settings.channels.items():
        bot = channel.config
        if not isinstance(bot, TelegramConfig) or bot.buttons == "none":
            continue
        before, way = first.setdefault(bot.token.reveal(), (name, (bot.buttons, bot.secret_token, bot.api_url)))
        if way != (bot.buttons, bot.secret_token, bot.api_url):
            message = f"{before} is the same bot: say the same buttons, secret_token and api_url there and here"
            yield document.problem(("channels", name, "buttons"), message)


def _sources(document: Document, settings: Settings) -> Iterator[Problem]:
    """Which server is asked for edges, and whether their templates are templates."""
    servers = [server.url for server in settings.prometheus]
    for index, source in enumerate(settings.topology.sources):
        yield from _named_cluster(document, settings, index)
        rows, path = source.prometheus, ("topology", "sources", index, "prometheus")
        if rows is None:
            continue
        if not servers or (rows.url is not None and rows.url not in servers):
            which = (
                f"is not in prometheus: there is {', '.join(servers)}" if servers else "needs a server in prometheus"
            )
            yield document.problem((*path, "url"), f"{rows.url or 'a query'} {which}")
        texts: list[tuple[tuple[str | int, ...], str]] = [(("parent",), rows.parent), (("child",), rows.child)]
        texts += [(("aliases", at), text) for at, text in enumerate(rows.aliases)]
        texts += [(("attributes", name), text) for name, text in rows.attributes.items()]
        for key, text in texts:
            try:
                Template(text)
            except TemplateError as error:
                yield document.problem((*path, *key), str(error))


def _named_cluster(document: Document, settings: Settings, index: int) -> Iterator[Problem]:
    """A cluster's name says how it is reached, so it has to be known."""
    cluster, kubernetes = settings.topology.sources[index].kubernetes, settings.executors.kubernetes
    if cluster is None or not cluster.cluster or cluster.kubeconfig is not None or cluster.context:
        return
    known = kubernetes.clusters if kubernetes is not None else {}
    if cluster.cluster not in known:
        message = f"executors.kubernetes.clusters has no {cluster.cluster!r}; there are {', '.join(known) or 'none'}"
        yield document.problem(("topology", "sources", index, "kubernetes", "cluster"), message)


def _asked_for(settings: Settings) -> Iterator[Line]:
    """The line by which what people ask for is a cause of its own, whatever the lines of the file would make of it."""
    kubernetes = settings.executors.kubernetes
    if kubernetes is not None and kubernetes.remediations is not None:
        asked, node = parse_matchers(f'alertname="{ALERT}"'), "remediation/{namespace}/{remediation}/{uid}"
        yield Line(name="remediations", match=asked, node=node, explains="never")


def _beside(settings: Settings, directory: Path) -> Settings:
    """With the lines that ship in their place, and the store's path relative to the file that names it, like every path."""
    topology = msgspec.structs.replace(
        settings.topology, nodes=with_shipped(settings.topology.nodes, list(_asked_for(settings)))
    )
    settings = msgspec.structs.replace(settings, topology=topology)
    if settings.store.on_server:
        store = msgspec.structs.replace(settings.store, data=directory / settings.store.folder)
        return msgspec.structs.replace(settings, store=store)
    path = settings.store.path
    if path.startswith(("/", ":memory:")):
        return settings
    store = msgspec.structs.replace(settings.store, url=f"sqlite:///{directory / path}")
    return msgspec.structs.replace(settings, store=store)
