"""``RedisStore``: the verbs over a sync client."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import NoScriptError

from stripe_events.storage._bases import SyncVerbs, drive
from stripe_events.storage._guesses import Guesses
from stripe_events.storage._losses import known
from stripe_events.storage._redis import _checks
from stripe_events.storage._redis._clients import asked
from stripe_events.storage._redis._commands import Performers, in_full
from stripe_events.storage._redis._errors import ERRORS, told
from stripe_events.storage._redis._layout import checked_prefix
from stripe_events.storage._redis._listening import RedisLine, connecting
from stripe_events.storage._results import NOTHING_NEW
from stripe_events.storage._steps import accept, enqueue, finish
from stripe_events.storage._together import finish_each
from stripe_events.storage._watching import ThreadedWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._extras import Watch
    from stripe_events.storage._redis._checks import Loss
    from stripe_events.storage._redis._clients import Source
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

    Threads may share it. After a fork the child opens connections of its own. Each watch has
    one besides.

    Args:
        source: a URL (``redis://``, ``rediss://`` or ``unix://``), a ``redis.Redis`` or
            ``redis.cluster.RedisCluster``, which the store does not close, or a function
            that makes one, which it does. A client must have a ``socket_timeout``.
        prefix: what the names of all keys begin with; no braces.
        max_connections: how many the store opens, where it is given a URL.
        timeout: for how many seconds it waits for one of them to become free, for the
            server to be reached, and for each of its answers, where it is given a URL. Who
            gets no answer tries once more.
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
        self._guesses = Guesses()
        self._performers = Performers(checked_prefix(prefix), self._guesses.now)
        self._accepted = known(accept_loss, _checks.Loss)
        self._asked = asked(source, max_connections, timeout)
        self._is_checked = False
        self._connect_line = connecting(source, timeout, self._asked)

    def close(self) -> None:
        """Close the connections that the store has opened; a client of yours is yours to close."""
        self._asked.close()

    def accept(self, arrival: Arrival, lease: float) -> Accepted:
        """See ``EventStore.accept``."""
        return self._run(accept(self._guesses, arrival, lease))

    def enqueue(self, arrival: Arrival) -> Recorded:
        """See ``InboxStore.enqueue``."""
        return self._run(enqueue(arrival))

    def finish(self, claim: Claim, result: HandlerResult, joined: Plan = NOTHING_NEW) -> Finished:
        """See ``EventStore.finish``."""
        return self._run(finish(self._guesses, claim, result, joined))

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """
        See ``WatchableStore.watch``; it has a connection of its own.

        It is live soon after, by Pub/Sub; never if the user of the server may not use the
        channel.
        """
        channel = self._performers.channel(scope)
        return ThreadedWatch(partial(RedisLine, self._connect_line, channel), wake)

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        return self._run(finish_each(self._guesses, endings))

    def _run(self, verb: Steps[T]) -> T:
        return drive(verb, self._perform)

    def _perform(self, step: Step) -> Any:
        try:
            if not self._is_checked:
                self._check()
            given = drive(self._performers.commands(step), self._ask)
        except ERRORS as error:
            raise told(error) from error
        self._guesses.note(step, given)
        return given

    def _ask(self, command: Command) -> Any:
        try:
            return self._asked.ask(command.words)
        except NoScriptError:
            return self._asked.ask(in_full(command))

    def _check(self) -> None:
        for info, config in zip(*map(self._asked.ask_all, _checks.QUESTIONS), strict=True):
            _checks.check(self._accepted, info, config)
        self._is_checked = True
