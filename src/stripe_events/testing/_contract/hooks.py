"""What a contract must be told of a store: how to make one, and how to treat it badly."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from stripe_events.testing._contract.driven import Driven, Driver

if TYPE_CHECKING:
    from collections.abc import Generator


class Contract:
    """
    The hooks; a subclass gives ``make_store``, and as many of the others as it can.

    Each of them may be ``async def``. A case whose hook is missing is skipped, by
    ``unittest.SkipTest``, which pytest understands too.
    """

    def make_store(self) -> Any:
        """Give a new, empty store, ready for use; called once for each case."""
        raise NotImplementedError

    def close_store(self, store: Any) -> Any:
        """Let go of a store or handle; unless overridden, by its ``close`` if it has one."""
        close = getattr(store, "close", None)
        return None if close is None else close()

    def another(self, store: Any) -> Any:
        """
        Give a second handle on the same data, as another process would have it.

        Unless overridden it is the store itself.
        """
        return store

    def advance(self, store: Any, seconds: float) -> Any:  # noqa: ARG002 - for subclasses
        """Let time pass for a store: move its clock, or make all that it holds so much older."""
        raise SkipTest("advance() is not given, and the case lets time pass")

    def break_database(self, store: Any) -> Any:  # noqa: ARG002 - for subclasses
        """Let every use of the database fail: refuse it, cut it off, or let it time out."""
        raise SkipTest("break_database() is not given, and the case lets the database fail")

    def repair_database(self, store: Any) -> Any:
        """Undo ``break_database``."""

    def close_in_the_end(self, store: Any) -> None:
        """Let a handle be closed when the case is over."""
        self._open.append(store)

    @contextmanager
    def opened(self) -> Generator[Driven, None, None]:
        """Give a fresh store for one case; it and its handles are closed in the end."""
        driver = Driver()
        self._open: list[Any] = []
        try:
            store = driver.done(self.make_store())
            self.close_in_the_end(store)
            yield Driven(store, driver, self)
        finally:
            for handle in reversed(self._open):
                driver.done(self.close_store(handle))
            driver.close()
