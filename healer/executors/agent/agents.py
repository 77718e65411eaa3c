"""Which agents are there, which of them is meant, and how are they? Shared by the target, the door, the API and the watch."""

import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping

from healer.executors.agent.authority import Authority
from healer.executors.agent.passes import Passes
from healer.executors.agent.post import SILENT, Post, Standing
from healer.executors.agent.roll import Invited, Roll
from healer.executors.agent.settings import AgentSettings
from healer.executors.agent.wire import NAME, Invitation
from healer.executors.target import Order
from healer.seams import Clock, Random
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

GRACE: Micros = 30 * SECOND
"""After a start of healer's, until the first agent that did not dial is missed: thousands may be dialling."""

Note = Callable[[str, Mapping[str, object]], Awaitable[None]]
"""Puts an act into the audit log."""


class BadName(ValueError):
    """No agent can be called so."""


class Agents:
    """All of them. `leads()`: whether this healer, of several on one store, is the one that repairs; set by whoever wires."""

    def __init__(
        self,
        settings: AgentSettings,
        roll: Roll,
        authority: Authority,
        passes: Passes,
        clock: Clock,
        random: Random,
        note: Note,
    ) -> None:
        self.settings = settings
        self.roll = roll
        self.authority = authority
        self.passes = passes
        self.clock = clock
        self.note = note
        self.leads: Callable[[], bool] = lambda: True
        self.servers: tuple[str, ...] = ()
        """Where the door is, for invitations."""
        self._random = random
        self._posts: dict[str, Post] = {}
        me, numbers = random.token(4), itertools.count()
        self._ids = lambda: f"{me}:{next(numbers)}"

    def post(self, name: str) -> Post:
        """One agent's."""
        if name not in self._posts:
            self._posts[name] = Post(name, self.clock, self._ids)
        return self._posts[name]

    def post_of(self, order: Order) -> Post | None:
        """Of the agent on the machine that an order is for, by the settings, the node's name, or its address."""
        for name in (self.settings.nodes.get(order.target, ""), order.target, order.address):
            if name and name in self.roll:
                return self.post(name)
        return None

    async def invite(self, name: str, by: str) -> Invitation:
        """What lets one machine, once, become this agent. Raises BadName."""
        if not NAME.fullmatch(name):
            raise BadName(f"{name[:200]!r} is no name of an agent: letters, digits and . _ : @ / -, at most 200")
        token = self._random.token(24)
        await self.note("agent invited", {"agent": name, "by": by})
        self.roll.invite(name, token, self.clock.now() + self.settings.invitation)
        return Invitation(name, self.servers, token, self.authority.pem)

    async def remove(self, name: str, by: str) -> bool:
        """It may not come in any more, and its line is cut. Whether there was such an agent or invitation."""
        await self.note("agent removed", {"agent": name, "by": by})
        known = self.roll.strike_off(name)
        post = self._posts.pop(name, None)
        if post is not None and post.line is not None:
            line = post.line
            post.hung_up(line)
            line.hang_up("removed")
        return known

    def invited(self) -> list[Invited]:
        return self.roll.invited(self.clock.now())

    def standings(self) -> list[Standing]:
        """All agents that were enrolled, by name."""
        return [self._standing(member.name, member.expires_at) for member in self.roll.members]

    def inactive(self) -> dict[str, Micros]:
        """Those that missed three beats, and for how long nothing was heard of each."""
        posts = [self.post(member.name) for member in self.roll.members]
        return {post.name: post.silent_for for post in posts if post.silent_for > SILENT}

    def start_over(self) -> None:
        """Nobody was listened to until now: none counts as inactive before it had the time to dial again. Raises OSError."""
        self.roll.refresh()
        for member in self.roll.members:
            post = self.post(member.name)
            post.heard_at = max(post.heard_at, self.clock.monotonic() + GRACE)

    def _standing(self, name: str, expires_at: Micros) -> Standing:
        post = self.post(name)
        return Standing(
            name=name,
            active=post.active,
            silent_for=post.silent_for,
            waiting=post.waiting,
            beat=post.beat,
            version=post.version,
            expires_at=expires_at,
        )
