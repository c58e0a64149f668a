"""
Procrastinate's side: jobs deferred in batches, and a worker in a process of its own.

``python -m benchmarks.inbox_procrastinate DSN sync|async CONCURRENCY``: what
``inbox_worker`` is for ours. What its documentation offers for speed is used: async tasks
on ``PsycopgConnector``, with a connection for each job that runs at once, and a worker that
runs many at once. A job holds no more than the id of an event.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version

import procrastinate
import psycopg

__all__ = ["defer", "last_done"]

VERSION = version("procrastinate")


def app_on(dsn: str, connections: int = 4) -> procrastinate.App:
    """Give an app with one task of each kind."""
    connector = procrastinate.PsycopgConnector(
        conninfo=dsn, min_size=connections, max_size=connections
    )
    app = procrastinate.App(connector=connector)
    app.task(name="sync")(_nothing)
    app.task(name="async")(_anothing)
    return app


def defer(dsn: str, kind: str, ids: list[str]) -> None:
    """Create the tables, and a job for each id."""
    asyncio.run(_defer(dsn, kind, ids))


def last_done(dsn: str, jobs: int) -> float:
    """See that all jobs have succeeded, and give when the last one did (unix time)."""
    with psycopg.connect(dsn) as connection:
        cursor = connection.execute(
            "SELECT count(*), extract(epoch FROM max(at))::float8 "
            "FROM procrastinate_events WHERE type = 'succeeded'"
        )
        ((done, last),) = cursor.fetchall()
    assert done == jobs, f"{done} of {jobs} jobs were done"
    at: float = last
    return at


async def _defer(dsn: str, kind: str, ids: list[str]) -> None:
    app = app_on(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        await app.tasks[kind].batch_defer_async(*({"event_id": id_} for id_ in ids))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def _nothing(event_id: str) -> None:
    """Take the id and leave it alone."""


async def _anothing(event_id: str) -> None:
    """Do the same on the event loop."""


async def _work(dsn: str, concurrency: int) -> None:
    app = app_on(dsn, concurrency)
    async with app.open_async():
        await app.run_worker_async(
            concurrency=concurrency, wait=False, install_signal_handlers=False
        )


def _main(dsn: str, concurrency: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(_work(dsn, int(concurrency)))
    print("done", flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
