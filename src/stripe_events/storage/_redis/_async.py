"""``AsyncRedisStore``: the verbs over async clients; see ``_sync``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import NoScriptError

from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.storage._guesses import Guesses
from stripe_events.storage._losses import known
from stripe_events.storage._redis import _checks
from stripe_events.storage._redis._async_clients import async_asked
from stripe_events.storage._redis._commands import Performers, in_full
from stripe_events.storage._redis._errors import ERRORS, told
from stripe_events.storage._redis._layout import checked_prefix
from stripe_events.storage._redis._listening import RedisLine, async_connecting
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.storage._steps import accept, enqueue, finish
from stripe_events.storage._together import finish_each
from stripe_events.storage._watching import ThreadedWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._extras import Watch
    from stripe_events.storage._redis._async_clients import AsyncSource
    from stripe_events.storage._redis._checks import Loss
    from stripe_events.storage._redis._commands import Command
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Ending,
        Finished,
        HandlerResult,
        Plan,
        Recorded,
    )
    from stripe_events.storage._steps import Step, Steps

T = TypeVar("T")


class AsyncRedisStore(AsyncVerbs):
    """
    A ledger in Redis, for async code, by redis-py on asyncio.

    What holds, and the arguments, are those of ``RedisStore``; ``close`` is awaited, and
    the client is a ``redis.asyncio.Redis``. Each event loop has connections of its own: a
    client that is given serves the loop that first uses it, and others get one like it.
    For a cluster, give a function that makes a ``redis.asyncio.cluster.RedisCluster``.
    """

    def __init__(
        self,
        source: AsyncSource,
        *,
        prefix: str = "stripe_events",
        max_connections: int = 16,
        timeout: float = 5.0,
        accept_loss: Collection[Loss] = (),
    ) -> None:
        """Connect to nothing yet."""
        self._guesses = Guesses()
        self._performers = Performers(checked_prefix(prefix), self._guesses.now)
        self._accepted = known(accept_loss, _checks.Loss)
        self._asked = async_asked(source, max_connections, timeout)
        self._is_checked = False
        self._connect_line = async_connecting(source, timeout)

    async def close(self) -> None:
        """Close the connections that the store has opened; a client of yours is yours to close."""
        await self._asked.close()

    async def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        return await self._run(accept(self._guesses, arrival, lease))

    async def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return await self._run(enqueue(arrival))

    async def finish(
        self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW
    ) -> Finished:
        """See ``EventStore.finish``."""
        return await self._run(finish(self._guesses, claim, result, joined))

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """See ``RedisStore.watch``; it is not awaited, and calls from a thread of its own."""
        channel = self._performers.channel(scope)
        return ThreadedWatch(partial(RedisLine, self._connect_line, channel), wake)

    async def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        return await self._run(finish_each(self._guesses, endings))

    async def _run(self, verb: Steps[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, step: Step) -> Any:
        try:
            if not self._is_checked:
                await self._check()
            given = await adrive(self._performers.commands(step), self._ask)
        except ERRORS as error:
            raise told(error) from error
        self._guesses.note(step, given)
        return given

    async def _ask(self, command: Command) -> Any:
        try:
            return await self._asked.ask(command.words)
        except NoScriptError:
            return await self._asked.ask(in_full(command))

    async def _check(self) -> None:
        answers = [await self._asked.ask_all(question) for question in _checks.QUESTIONS]
        for info, config in zip(*answers, strict=True):
            _checks.check(self._accepted, info, config)
        self._is_checked = True
