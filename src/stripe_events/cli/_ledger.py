"""A router's ledger, so that commands are written once, be its store sync or async."""

from __future__ import annotations

from contextlib import closing
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from stripe_events._callables import is_async
from stripe_events.errors import UsageError
from stripe_events.storage._protocols import LedgerStore
from stripe_events.storage._results import EVERYTHING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Iterator
    from types import TracebackType
    from typing import Self

    from stripe_events._recording import Rescued
    from stripe_events.router import EventRouter
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Acted, Query, StoredEvent


class Ledger:
    """
    What operators need of a store, within the router's scope.

    What a verb gives to await is awaited, all on one event loop. At the end of its
    ``with`` block the store, if it can be, and that loop are closed.

    Args:
        router: whose ledger it is.

    Raises:
        UsageError: the router has no store, or one that operators cannot work with.
    """

    page = 1000
    """How many events one step lists, erases or forgets."""

    def __init__(self, router: EventRouter) -> None:
        """Connect to nothing yet."""
        self.router = router
        self._store = _checked(router.store)
        self._scope = router.scope
        self._is_async = is_async(self._store.get)
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._wait(getattr(self._store, "close", bool)())
        finally:
            if self._runner is not None:
                self._runner.close()

    def get(self, event_id: str) -> StoredEvent | None:
        """See ``LedgerStore.get``."""
        stored: StoredEvent | None = self._call("get", event_id)
        return stored

    def events(self, query: Query, *, expected: int | None = None) -> Iterator[EventRecord]:
        """Give all that is meant, oldest first; ``expected`` says how many will be looked at."""
        page = self.page if expected is None else min(self.page, expected)
        after: tuple[float, str] | None = None
        while True:
            records: list[EventRecord] = self._call("list", query, limit=page, after=after)
            yield from records
            if len(records) < page:
                return
            after = records[-1].first_seen, records[-1].id

    def act(self, verb: str, event_id: str, handlers: tuple[str, ...]) -> Acted:
        """See ``retry``, ``replay`` and ``drop`` of ``LedgerStore``; the last takes one handler."""
        arguments = handlers if verb == "drop" else (handlers,)
        acted: Acted = self._call(verb, event_id, *arguments)
        return acted

    def erase(self, query: Query) -> int:
        """Erase some of what is meant, and give how many; 0 says that none is left."""
        count: int = self._call("erase", query, limit=self.page)
        return count

    def forget(self, query: Query = EVERYTHING, *, dead: bool) -> int:
        """Forget some of what is meant, and give how many; 0 says that none is left."""
        count: int = self._call("forget", query, dead=dead, limit=self.page)
        return count

    def rescue(self) -> Rescued:
        """Run what is due, and close the router; see ``EventRouter.rescue``."""
        if self._is_async:
            ran: Rescued = self._wait(_rescued(self.router))
            return ran
        with closing(self.router) as router:
            return router.rescue()

    def _call(self, verb: str, *arguments: Any, **options: Any) -> Any:
        return self._wait(getattr(self._store, verb)(self._scope, *arguments, **options))

    def _wait(self, given: Any) -> Any:
        if not isawaitable(given):
            return given
        if self._runner is None:
            import asyncio

            self._runner = asyncio.Runner()
        return self._runner.run(_awaited(given))


async def _rescued(router: EventRouter) -> Rescued:
    try:
        return await router.arescue()
    finally:
        await router.aclose()


async def _awaited(given: Awaitable[Any]) -> Any:
    return await given


def _checked(store: Any) -> Any:
    if store is None:
        raise UsageError(
            "this router has no store, so nothing is recorded: give EventRouter(store=...)"
        )
    verbs = [name for name in vars(LedgerStore) if not name.startswith("_")]
    missing = [verb for verb in verbs if not callable(getattr(store, verb, None))]
    if missing:
        msg = f"{type(store).__name__} is no LedgerStore: it has no {', '.join(missing)}"
        raise UsageError(msg)
    return store
