"""What keeps secrets out of what people read taken away, one at a time: some row, line or message must then have one (I17)."""

from collections.abc import Iterator
from contextlib import contextmanager

from healer.assembly import Healer
from healer.executors.redacted import Redacted
from healer.executors.target import Result
from healer.notification.deliver import Deliverer
from healer.telemetry import redacting
from healer.telemetry.logs import Logfmt
from healer.telemetry.redacting import Redactor
from tests.simulation import ablation
from tests.simulation.taken_away import without


@ablation("what a command prints is kept as it is", promise="secrets", scenario="healing")
@contextmanager
def printed_as_it_is() -> Iterator[None]:
    """What a machine says of a run is quoted without a look at it."""

    def result(self: Redacted, said: Result) -> Result:
        return said

    with without(Redacted, "_result", result):
        yield


@ablation("what a channel says is kept as it is", promise="secrets", scenario="service")
@contextmanager
def said_as_it_is() -> Iterator[None]:
    """Why a message was not taken is recorded in the channel's own words."""
    with without(Deliverer, "_readable", lambda _, answer: answer):
        yield


@ablation("what was asked is answered in its own words", promise="secrets", scenario="service")
@contextmanager
def answered_as_it_is() -> Iterator[None]:
    """Why Prometheus does not answer is recorded in the words of whoever failed."""
    with without(Healer, "_readable", lambda _, answer: answer):
        yield


@ablation("only what healer knows is hidden", promise="secrets", scenario="healing")
@contextmanager
def only_known_is_hidden() -> Iterator[None]:
    """What looks like a credential is left where it stands, unless it is one of healer's."""

    def known(self: Redactor, text: str) -> str:
        return self._known.sub(redacting.HIDDEN, text) if self._known else text

    with without(Redactor, "__call__", known):
        yield


@ablation("a secret is not known in a URL", promise="secrets", scenario="service")
@contextmanager
def unknown_in_url() -> Iterator[None]:
    """A secret is looked for as it is, and not as it stands in a URL."""
    with without(redacting, "quote", lambda text, **_: text):
        yield


@ablation("a log line is written as it is", promise="secrets", scenario="service")
@contextmanager
def logged_as_it_is() -> Iterator[None]:
    """Nobody looks through what is logged."""
    with without(Logfmt, "_text", lambda _, value: str(value)):
        yield
