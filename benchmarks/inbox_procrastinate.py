"""
Procrastinate's side: the app, jobs deferred in batches, and when the last one was done.

What its documentation offers for speed is used: async tasks on ``PsycopgConnector``, and
workers that run several jobs at once; sync tasks as well, and which settings are best is
seen by measuring all. A job holds no more than the id of an event.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import procrastinate
import psycopg

if TYPE_CHECKING:
    from procrastinate.types import JSONValue

__all__ = ["VERSION", "app_on", "defer", "last_done"]

VERSION: Final = version("procrastinate")

_LAST_DONE: Final = """
    SELECT count(*), extract(epoch FROM max(at))::float8
    FROM procrastinate_events WHERE type = 'succeeded'
"""


def app_on(dsn: str) -> procrastinate.App:
    """Give an app with a task of each kind."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn))
    app.task(name="sync")(_nothing)
    app.task(name="async")(_anothing)
    return app


def defer(dsn: str, kind: str, jobs: int) -> None:
    """Create the tables, and so many jobs of a kind."""
    asyncio.run(_defer(dsn, kind, jobs))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def last_done(dsn: str, jobs: int) -> float:
    """See that all jobs have succeeded, and give when the last one did (unix time)."""
    with psycopg.connect(dsn) as connection:
        ((done, last),) = connection.execute(_LAST_DONE).fetchall()
    assert done == jobs, f"{done} of {jobs} jobs were done"
    at: float = last
    return at


async def _defer(dsn: str, kind: str, jobs: int) -> None:
    app = app_on(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        ids = [f"evt_1{number:09}Bench{number:09}" for number in range(jobs)]
        arguments: list[dict[str, JSONValue]] = [{"event_id": id_} for id_ in ids]
        await app.tasks[kind].batch_defer_async(*arguments)


def _nothing(event_id: str) -> None:
    """Take the id and leave it alone."""


async def _anothing(event_id: str) -> None:
    """Do the same on the event loop."""
