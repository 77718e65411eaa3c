"""A pipeline is started once, and followed to its end; where nobody saw how it began, it is looked for. Called by `target`."""

import asyncio

from healer.executors.http import answers
from healer.executors.http.exchange import Reply, exchange
from healer.executors.http.pipelines.github import GitHub
from healer.executors.http.pipelines.gitlab import GitLab
from healer.executors.http.pipelines.hosts import Denied, Host, Run, State, TooMany, asking
from healer.executors.http.pipelines.jenkins import Jenkins
from healer.executors.http.pipelines.settings import Pipeline
from healer.executors.http.reach import Reach
from healer.executors.once import Lost, Unsent
from healer.executors.target import Go, Order, Result
from healer.seams import Clock
from healer.times import SECOND, Micros

_AGAIN = (Unsent, Lost, Denied, TooMany)
"""What a look may meet: another one may bring more."""


def host_of(pipeline: Pipeline) -> Host:
    """What answers for a pipeline."""
    if pipeline.github is not None:
        return GitHub(pipeline.github)
    if pipeline.gitlab is not None:
        return GitLab(pipeline.gitlab)
    assert pipeline.jenkins is not None, "one of the three is set"
    return Jenkins(pipeline.jenkins)


class Following:
    """Starts pipelines and follows them. `every`: how long between two looks."""

    def __init__(self, reach: Reach, clock: Clock, every: Micros) -> None:
        self._reach = reach
        self._ask = asking(reach)
        self._clock = clock
        self._every = every

    async def run(self, host: Host, order: Order, go: Go) -> Result:
        """Start it, and say how it ended. Raises Unsent, Lost, Stopped, and what `go` raises."""
        until = self._clock.monotonic() + order.deadline_s * SECOND
        reply = await exchange(host.start(order), self._reach, go)
        said = answers.result(reply, host.secrets)
        if said.outcome != "succeeded":
            return said
        run, words = _told(host, reply), "it was not seen yet"
        while self._clock.monotonic() < until:
            try:
                run = run or await host.find(self._ask, order)
                if run is not None:
                    state = await host.look(self._ask, run)
                    run, words = state.run, state.words
                    if state.well is not None:
                        return _ended(state)
            except _AGAIN as error:
                words = str(error) or type(error).__name__
            await asyncio.sleep(self._every / SECOND)
        if run is None and host.unless:
            # It was accepted, so it did begin: nobody may think otherwise and begin it again.
            return Result("failed", why=f"it was started, and is not found by its intent: {host.unless}")
        return Result("unknown", why=f"it was still running at the deadline ({words}){_where(run)}")

    async def settle(self, host: Host, order: Order, *, over: bool) -> Result:
        """What became of an intent. `over`: its deadline is, so that nothing can be on its way to the host any more."""
        try:
            run = await host.find(self._ask, order)
            if run is None and over:
                why = f"no pipeline is found by this intent: it was never started, or {host.unless}"
                never = Result("failed", why="no pipeline was started by this intent", started=False)
                return Result("failed", why=why) if host.unless else never
            if run is None:
                return Result("unknown", why="no pipeline was started by this intent yet; it may be on its way")
            state = await host.look(self._ask, run)
        except _AGAIN as error:
            return Result("unknown", why=f"nobody can say how the pipeline is: {str(error) or type(error).__name__}")
        if state.well is None:
            return Result("unknown", why=f"it is still running ({state.words}){_where(state.run)}")
        return _ended(state)


def _told(host: Host, reply: Reply) -> Run | None:
    try:
        return host.started(reply)
    except Denied:
        return None


def _ended(state: State) -> Result:
    words = f"the pipeline ended: {state.words}{_where(state.run)}"
    if state.well:
        return Result("succeeded", exit_code=0, output=words)
    return Result("failed", exit_code=1, why=words)


def _where(run: Run | None) -> str:
    return f", {run.url}" if run is not None and run.url else ""
