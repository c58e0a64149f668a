"""
Connections whose server has to answer within a limit.

A limit of the server's own would be a state of the session, which a pooler refuses or
gives to others, and would not be kept by a server that is frozen or cut off. So the
client looks at the clock while it waits, and gives the connection up.
"""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

T = TypeVar("T")


class LimitedConnection(psycopg.Connection[Any]):
    """
    A connection of the store's own.

    ``limit``: how many seconds an answer may take; None lets it take as long as it needs.
    """

    limit: float | None = 30.0

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for an answer, and close the connection if none comes in time."""
        if self.limit is not None:
            gen = _within(gen, self.limit, self.pgconn.finish)
        return super().wait(gen, *arguments, **options)


class AsyncLimitedConnection(psycopg.AsyncConnection[Any]):
    """The same, awaited."""

    limit: float | None = 30.0

    async def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for an answer, and close the connection if none comes in time."""
        if self.limit is not None:
            gen = _within(gen, self.limit, self.pgconn.finish)
        return await super().wait(gen, *arguments, **options)


def _within(
    steps: Generator[Any, Any, T], seconds: float, give_up: Callable[[], None]
) -> Generator[Any, Any, T]:
    """Go through psycopg's steps of an exchange; it asks every now and then if nothing comes."""
    end = monotonic() + seconds
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and monotonic() > end:
                give_up()
                raise psycopg.OperationalError(f"the server did not answer in {seconds:g} s")
            wanted = steps.send(ready)
    except StopIteration as stop:
        result: T = stop.value
        return result


@contextmanager
def patient(connection: object) -> Generator[None, None, None]:
    """Set no limit for as long as the block lasts."""
    if not isinstance(connection, LimitedConnection | AsyncLimitedConnection):
        yield
        return
    connection.limit = None
    try:
        yield
    finally:
        del connection.limit  # that of the class holds again
