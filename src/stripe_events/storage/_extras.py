"""
What a store may have besides the verbs: ``watch``, ``check_inbox``, ``finish_each``, ``poll``.

Each by itself. The first two are sync in async stores too. Who lacks them loses nothing
that is promised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stripe_events.errors import ProcessingError
    from stripe_events.storage._results import Ending, Finished


class Watch(Protocol):
    """What ``WatchableStore.watch`` has begun; it lives until it is closed."""

    @property
    def is_live(self) -> bool:
        """
        Tell whether what other processes make due is heard at once.

        It was seen to be by a test, and the connection stands. False: not yet, not now or
        never; then only those who poll are sure to see it. It may change at any time.
        """
        ...

    def close(self) -> None:
        """
        End it, within a second; may be repeated, from any thread but in ``wake``.

        ``wake`` is not called any more when this returns, unless it is being called now.
        """
        ...


class WatchableStore(Protocol):
    """What lets an idle worker begin at once. No verb: sync, also in an async store."""

    def watch(self, scope: str, wake: Callable[[], None]) -> Watch:
        """
        Call ``wake`` soon after something in a scope has become due by a verb.

        That is: by ``enqueue``, ``retry`` or ``replay``, by the promotion of a parked
        event, by ``suspend`` or ``give_back`` with a due time that is now. Not by the mere
        passing of time: nobody is told when a later due time or the end of a lease comes.

        It is a hint: ``wake`` may be called for nothing, several times for one event, once
        for many, or not at all. Whoever must see everything polls. No failure of it shows in
        a verb, which has done its work by then, and it raises nothing here: what hinders it
        is logged.

        In the child of a fork there is no watch of its parent's: it is not live and calls
        nothing.

        Args:
            scope: whose events.
            wake: called from any thread, several at once too. It should only take note:
                it holds up whoever calls it. What it raises is logged.
        """
        ...


class CheckedStore(Protocol):
    """What refuses settings with which an inbox would not keep what it acknowledged."""

    def check_inbox(self) -> None:
        """
        Look at how the store was made; called when a router has handlers of the inbox.

        Does no I/O: what only the database knows, the first use of the store looks at. A
        store without this method has nothing to refuse.

        Raises:
            ConfigurationError: names the setting, and what to do about it.
        """
        ...


class PolledStore(Protocol):
    """What is dear to look at: ``poll`` is how often an idle worker does so, in seconds."""

    poll: ClassVar[float]


class BatchStore(Protocol):
    """What lets a worker record the ends of many handlers at the price of one."""

    def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """
        Do for each what ``finish`` does, in one commit as far as that can be.

        Gives, in the same order, what ``finish`` would give, or have raised. Each stands
        for itself: one that fails undoes none of the others. Two of one event do not
        come together.

        Raises:
            StoreError: the store failed; nothing, some or all of it was written.
        """
        ...


class AsyncBatchStore(Protocol):
    """``BatchStore``, awaited."""

    async def finish_each(self, endings: Sequence[Ending]) -> list[Finished | ProcessingError]:
        """See ``BatchStore.finish_each``."""
        ...
