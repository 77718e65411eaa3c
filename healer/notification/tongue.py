"""What a language has to have words for. `healer.notification.english` and `.chinese` have them, `wording` fills them in."""

from collections.abc import Mapping

import msgspec

from healer.changes.wording import Phrases
from healer.notification.own import Trouble


class Tongue(msgspec.Struct, frozen=True):
    """Words by what they stand for; `{names}` in them are filled in. `deeds` are by the state of a remediation, `ended` by an
    incident's resolution, `troubles` by the code of what is wrong with healer itself."""

    states: Mapping[str, str]
    severities: Mapping[str, str]
    deeds: Mapping[str, str]
    ended: Mapping[str, str]
    troubles: Mapping[str, Trouble]
    changes: Phrases
    lines: Mapping[str, str]
