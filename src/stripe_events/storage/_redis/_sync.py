"""``RedisStore``: the verbs over a sync client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._redis import _checks
from stripe_events.storage._redis._clients import Clients
from stripe_events.storage._redis._commands import Performers
from stripe_events.storage._redis._errors import BROKEN, ERRORS, told
from stripe_events.storage._redis._layout import checked_prefix

if TYPE_CHECKING:
    from collections.abc import Collection

    from stripe_events.storage._operations import Operation
    from stripe_events.storage._redis._checks import Loss
    from stripe_events.storage._redis._clients import Client, Source
    from stripe_events.storage._redis._commands import Command
    from stripe_events.storage._verbs import Verb

T = TypeVar("T")


class RedisStore(SyncVerbs):
    """
    A ledger in Redis, for sync code, by redis-py.

    There is nothing to create. What holds on one server with ``appendonly yes`` and
    ``appendfsync always``: an acknowledged event survives the crash of a process, of the
    server and of its machine; at most one claim is valid, and nobody else starts while its
    lease runs; ``order_by`` holds. With ``appendfsync everysec``, the crash of a machine
    loses the last moments, and so does that of a server whose disk cannot keep up. When a
    replica is promoted, what it had not yet received is lost: a lease may be forgotten
    across that moment, and an event that was handled may be handled again if Stripe or you
    deliver it again. ``ctx.transaction()`` is not offered: handlers run at least once.

    At first use the store looks at the server. It refuses a replica, and settings by which
    acknowledged events can be lost; what the server does not tell is logged as a warning.

    Every step is a script, atomic on the server and by the server's clock, which writes only
    if what it rests on has not changed. So a command whose answer was lost is sent once more.
    All of a scope is in one slot of a cluster, and all of it must fit into memory: forget
    events that are done.

    Threads may share it. After a fork the child opens connections of its own.

    Args:
        source: a URL (``redis://``, ``rediss://`` or ``unix://``), a ``redis.Redis`` or
            ``redis.cluster.RedisCluster``, which the store does not close, or a function
            that makes one, which it does. A client must have a ``socket_timeout``.
        prefix: what the names of all keys begin with; no braces.
        max_connections: how many the store opens, where it is given a URL.
        timeout: for how many seconds it waits for one of them to become free, for the
            server to be reached, and for each of its answers, where it is given a URL.
        accept_loss: settings that may be otherwise although acknowledged events can then
            be lost: ``"appendonly"``, ``"appendfsync"``, ``"maxmemory-policy"``.

    Raises:
        ConfigurationError: from here if ``source`` is none of these or waits for ever;
            from the first use if the server does not do.
    """

    def __init__(
        self,
        source: Source,
        *,
        prefix: str = "stripe_events",
        max_connections: int = 16,
        timeout: float = 5.0,
        accept_loss: Collection[Loss] = (),
    ) -> None:
        """Connect to nothing yet."""
        self._performers = Performers(checked_prefix(prefix))
        self._accepted = _checks.known(accept_loss)
        self._clients = Clients(source, max_connections, timeout)
        self._is_checked = False

    def close(self) -> None:
        """Close the connections that the store has opened; a client of yours is yours to close."""
        self._clients.close()

    def _run(self, verb: Verb[T]) -> T:
        return drive(verb, self._perform)

    def _perform(self, operation: Operation) -> Any:
        try:
            client = self._clients.get()
            if not self._is_checked:
                self._check(client)
            return drive(self._performers.commands(operation), partial(self._ask, client))
        except ERRORS as error:
            raise told(error) from error

    def _ask(self, client: Client, command: Command) -> Any:
        """Ask once more on a new connection if the first breaks: it does nothing twice."""
        try:
            return _asked(client, command)
        except BROKEN:
            self._clients.drop_idle()
            return _asked(client, command)

    def _check(self, client: Any) -> None:
        targets: list[dict[str, Any]] = [{}]
        is_cluster = isinstance(client, RedisCluster)
        if is_cluster:
            targets = [{"target_nodes": node} for node in client.get_primaries()]
        for target in targets:
            info = _allowed(client, ("INFO",), target)
            config = _allowed(client, ("CONFIG GET", *_checks.SETTINGS), target)
            _checks.check(self._accepted, info, config)
        self._is_checked = True


def _asked(client: Any, command: Command) -> Any:
    try:
        return client.execute_command(*command.words, NEVER_DECODE=True)
    except NoScriptError:
        if command.text is None:
            raise
        words = ("EVAL", command.text, *command.words[2:])
        return client.execute_command(*words, NEVER_DECODE=True)


def _allowed(client: Any, words: tuple[str, ...], target: dict[str, Any]) -> Any:
    """Ask a server about itself; None if it refuses to tell."""
    try:
        return client.execute_command(*words, **target)
    except ResponseError:
        return None
