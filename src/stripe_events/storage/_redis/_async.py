"""``AsyncRedisStore``: the verbs over async clients; see ``_sync``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.asyncio.cluster import RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from stripe_events.storage._bases import AsyncVerbs, adrive
from stripe_events.storage._redis import _checks
from stripe_events.storage._redis._async_clients import AsyncClients
from stripe_events.storage._redis._commands import Performers
from stripe_events.storage._redis._errors import BROKEN, ERRORS, told
from stripe_events.storage._redis._layout import checked_prefix

if TYPE_CHECKING:
    from collections.abc import Collection

    from stripe_events.storage._operations import Operation
    from stripe_events.storage._redis._async_clients import AsyncClient, AsyncSource
    from stripe_events.storage._redis._checks import Loss
    from stripe_events.storage._redis._commands import Command
    from stripe_events.storage._verbs import Verb

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
        self._performers = Performers(checked_prefix(prefix))
        self._accepted = _checks.known(accept_loss)
        self._clients = AsyncClients(source, max_connections, timeout)
        self._is_checked = False

    async def close(self) -> None:
        """Close the connections that the store has opened; a client of yours is yours to close."""
        await self._clients.close()

    async def _run(self, verb: Verb[T]) -> T:
        return await adrive(verb, self._perform)

    async def _perform(self, operation: Operation) -> Any:
        try:
            client = await self._clients.get()
            if not self._is_checked:
                await self._check(client)
            commands = self._performers.commands(operation)
            return await adrive(commands, partial(self._ask, client))
        except ERRORS as error:
            raise told(error) from error

    async def _ask(self, client: AsyncClient, command: Command) -> Any:
        """Ask once more on a new connection if the first breaks: it does nothing twice."""
        try:
            return await _asked(client, command)
        except BROKEN:
            await self._clients.drop_idle(client)
            return await _asked(client, command)

    async def _check(self, client: Any) -> None:
        targets: list[dict[str, Any]] = [{}]
        if isinstance(client, RedisCluster):
            await client.initialize()
            targets = [{"target_nodes": node} for node in client.get_primaries()]
        for target in targets:
            info = await _allowed(client, ("INFO",), target)
            config = await _allowed(client, ("CONFIG GET", *_checks.SETTINGS), target)
            _checks.check(self._accepted, info, config)
        self._is_checked = True


async def _asked(client: Any, command: Command) -> Any:
    try:
        return await client.execute_command(*command.words, NEVER_DECODE=True)
    except NoScriptError:
        if command.text is None:
            raise
        words = ("EVAL", command.text, *command.words[2:])
        return await client.execute_command(*words, NEVER_DECODE=True)


async def _allowed(client: Any, words: tuple[str, ...], target: dict[str, Any]) -> Any:
    """Ask a server about itself; None if it refuses to tell."""
    try:
        return await client.execute_command(*words, **target)
    except ResponseError:
        return None
