"""Channels in the settings: each is read as the type that its `type` names. Called while settings are loaded."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from healer.documents.convert import Converter, Hook
from healer.documents.fields import OR_TEXT, Secret
from healer.documents.problems import Path
from healer.documents.references import WRONG
from healer.notification.settings import Channel
from healer.notification.template import BadTemplate, read
from healer.notification.wording import Language, is_zone
from notifiers.secret import Secret as ChannelSecret

_PROXY: Any = Annotated[Secret, OR_TEXT] | None
_OURS = frozenset(Channel.__struct_fields__) - {"config"}


def hooks(types: Mapping[str, type[msgspec.Struct]]) -> dict[Any, Hook]:
    """How to read a channel of one of these types, and the secrets in it."""

    def channel(converter: Converter, value: Any, path: Path) -> Any:
        if not isinstance(value, dict) or "type" not in value:
            return converter.complain(path, f"a channel needs a type: one of {', '.join(sorted(types))}")
        name = value["type"]
        if not isinstance(name, str) or name not in types:
            near = difflib.get_close_matches(str(name), types, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(types))}"
            return converter.complain((*path, "type"), f"no type of channel is called {name!r}; {hint}")
        last_resort = converter.read(bool, value.get("last_resort", False), (*path, "last_resort"))
        language = converter.read(Language, value.get("language", "en"), (*path, "language"))
        zone = converter.read(str, value.get("zone", "UTC"), (*path, "zone"))
        if zone is not WRONG and not is_zone(zone):
            zone = converter.complain((*path, "zone"), f"no time zone is called {zone!r}: one such as Asia/Shanghai")
        template = converter.read(str, value.get("template", ""), (*path, "template"))
        if template is not WRONG:
            try:
                read(template)
            except BadTemplate as error:
                template = converter.complain((*path, "template"), str(error))
        config = converter.read(types[name], {key: one for key, one in value.items() if key not in _OURS}, path)
        fallback = converter.read(str, value.get("fallback", ""), (*path, "fallback"))
        quiet = converter.read(tuple[str, ...], value.get("quiet", []), (*path, "quiet"))
        bundle = converter.read(bool, value.get("bundle", True), (*path, "bundle"))
        lost_answer = converter.read(
            Literal["again", "once"], value.get("lost_answer", "again"), (*path, "lost_answer")
        )
        proxy = converter.read(_PROXY, value.get("proxy"), (*path, "proxy"))
        if proxy is not None and proxy is not WRONG and not getattr(types[name], "takes_proxy", True):
            proxy = converter.complain(
                (*path, "proxy"), f"a channel of type {name} takes no proxy: it does not go over HTTP here"
            )
        conduct = {"fallback": fallback, "quiet": quiet, "bundle": bundle, "lost_answer": lost_answer}
        speech = {"language": language, "zone": zone, "template": template}
        if any(one is WRONG for one in (last_resort, config, proxy, *speech.values(), *conduct.values())):
            return WRONG
        try:
            return Channel(type=name, last_resort=last_resort, config=config, proxy=proxy, **speech, **conduct)
        except ValueError as error:
            message, *where = error.args
            return converter.complain((*path, *where), message)

    def secret(converter: Converter, value: Any, path: Path) -> Any:
        read = converter.read(Secret, value, path)
        return WRONG if read is WRONG else ChannelSecret(read.reveal())

    return {Channel: channel, ChannelSecret: secret}
