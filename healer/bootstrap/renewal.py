"""How a running service goes on by files that changed: what `healer.reload` calls. All of them are good, or none is used."""

import logging
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from healer.assembly import Healer
from healer.assembly.adopting import TooFarBehind
from healer.assembly.ports import Plan
from healer.bootstrap.applications import Applications
from healer.bootstrap.bots import Bots
from healer.bootstrap.drawing import Drawing, pencil
from healer.bootstrap.outside import Ground, ports
from healer.bootstrap.plan import read_plan, tls_context
from healer.bootstrap.refusal import CannotStart
from healer.documents.document import load_document
from healer.documents.problems import Problem, dotted
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Troubled
from healer.kept import Kept
from healer.notification.own import RELOAD
from healer.rehearsal.trial import attempt
from healer.reload import NotReloaded, Reloaded
from healer.remediation.abilities import LACKS
from healer.seams import SystemClock
from healer.settings.difference import differences, needs_restart
from healer.settings.load import load_settings
from healer.settings.model import Settings
from healer.settings.permitted import health_of, permissions
from healer.telemetry.logs import configure
from healer.times import MINUTE, Micros, format_duration
from healer.web.auth import Access as Door
from rules import Source, compile_files, is_shipped

log = logging.getLogger(__name__)

PROVE: Micros = 2 * MINUTE
"""For so long the tests of changed rules may run before they take over."""


class Renewal:
    """Reads the files again and has the service go on by them: what `healer.reload.Reload` calls, one at a time."""

    def __init__(
        self,
        file: Path | None,
        settings: Settings,
        healer: Healer,
        ground: Ground,
        kept: Kept,
        stack: AsyncExitStack,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._file = file
        self._settings = settings
        self._healer = healer
        self._ground = ground
        self._kept = kept
        self._stack = stack
        self._tls = tls
        self.access: Door | None = None
        self.bots: Bots | None = None
        self.applications: Applications | None = None
        self.drawing: Drawing | None = None
        self.pass_on: Callable[[Settings, Kept], None] = lambda *_: None

    async def __call__(self) -> Reloaded:
        """All or nothing. Raises NotReloaded, DocumentError."""
        if self._file is None:
            raise NotReloaded("restart", "healer was started without a file: start it with --config FILE")
        if not self._healer.owner.ready:
            raise NotReloaded("unavailable", "healer is not ready yet")
        file, before = self._file, self._settings
        try:
            settings, plan, tls = await self._ground.store.aside(partial(read_again, file, before, self._healer.plan))
            kept = self._kept.again()
            made = ports(settings, self._ground, kept, self._stack)
            old = self._healer.plan
            await self._healer.take(plan, made)
        except CannotStart as error:
            raise NotReloaded("wrong", str(error), error.problems) from error
        except ValueError as error:
            raise NotReloaded("wrong", str(error)) from error
        except (StoreUnavailable, TooFarBehind) as error:
            raise NotReloaded("unavailable", str(error)) from error
        self._settle(settings, kept, tls)
        changed = tuple(map(dotted, differences(before, settings)))
        refused = [view for view in self._healer.desk.sources() if view.state == "refused"]
        return Reloaded(
            changed, tuple(contents(old, plan)), tuple(f"topology: {view.name}: {view.why}" for view in refused)
        )

    def _settle(self, settings: Settings, kept: Kept, tls: ssl.SSLContext | None) -> None:
        """What remains cannot fail: it was tried on the way."""
        kept.settle()
        # What is still under way may yet write an old secret into the log.
        secrets = (*settings.secrets(), *self._settings.secrets())
        configure(sys.stderr, level=settings.log.level, format=settings.log.format, secrets=secrets)
        if self.access is not None:
            self.access.use(settings.server.auth)
        if self.bots is not None:
            self.bots.use(settings)
        if self.applications is not None:
            self.applications.use(settings)
        if self.drawing is not None:
            self.drawing.use(settings)
        self.pass_on(settings, kept)
        if self._tls is not None and tls is not None and settings.server.tls is not None:
            self._tls.load_cert_chain(settings.server.tls.cert, settings.server.tls.key)
        self._settings, self._kept = settings, kept


def read_again(file: Path, before: Settings, running: Plan) -> tuple[Settings, Plan, ssl.SSLContext | None]:
    """All files, checked as at a start; may take long. Raises DocumentError, CannotStart, NotReloaded."""
    settings = load_settings(file)
    fixed = [way for way in differences(before, settings) if needs_restart(way)]
    if fixed:
        document = load_document(file)
        message = "cannot change while healer runs: restart it, or put this back"
        problems = [document.problem(way, message) for way in fixed]
        raise NotReloaded("restart", f"{', '.join(map(dotted, fixed))} needs a restart", problems)
    plan = read_plan(settings)
    pencil(settings)
    prove(settings, plan, running)
    return settings, plan, tls_context(settings)


def prove(settings: Settings, plan: Plan, running: Plan) -> None:
    """Run the rules' own tests before they take over, where rules changed. Raises CannotStart with each that fails."""
    was, now = running.deciding, plan.deciding
    if (running.rules, was.packs, was.kinds, was.permissions) == (plan.rules, now.packs, now.kinds, now.permissions):
        return
    ruleset = compile_files(
        [Source(rule.path, rule.text.encode()) for rule in plan.rules],
        packs=plan.deciding.packs,
        kinds=frozenset(plan.deciding.kinds),
        channels=settings.recipients,
        calendars=settings.calendars,
        permissions=permissions(settings),
        lacks=LACKS,
    ).ruleset
    assert ruleset is not None, "it compiled a moment ago"
    clock, problems = SystemClock(), []
    until = clock.monotonic() + PROVE
    for trial in ruleset.tests:
        if is_shipped(trial.path):
            continue
        if clock.monotonic() > until:
            why = f"the rules' own tests take longer than {format_duration(PROVE)}: healer test says how long each of them takes"
            raise CannotStart(why)
        tried = attempt(trial, ruleset, health_of(settings))
        said = f"test {trial.name!r} fails: {'; '.join(tried.failures)}"
        problems += [] if tried.passed else [Problem(trial.path, trial.line, 1, "test", said)]
    if problems:
        raise CannotStart("the rules fail their own tests", problems)


async def tell_of_files(healer: Healer, wrong: bool, why: str) -> None:
    """Changed files that cannot be used are an incident until they can be. Nobody is told twice."""
    if healer.owner.fold.troubles.has(RELOAD) is wrong:
        return
    try:
        await healer.ports.store.append([Arrival(Troubled(RELOAD, wrong, why))])
    except StoreUnavailable as error:
        log.warning("that files are %s is not recorded: %s", "wrong" if wrong else "good again", error)


def contents(before: Plan, after: Plan) -> Iterator[str]:
    """What changed in files, whatever the configuration says about these."""
    was, now = ({rule.path: rule.text for rule in plan.rules} for plan in (before, after))
    yield from sorted(path for path in was.keys() | now.keys() if was.get(path) != now.get(path))
    calendars = before.deciding.calendars.items() ^ after.deciding.calendars.items()
    yield from sorted({f"calendar {name}" for name, _ in calendars})
    if before.topology != after.topology:
        yield "topology"
