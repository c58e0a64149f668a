"""
A worker of procrastinate in a process of its own: what ``inbox_worker`` is for ours.

``python -m benchmarks.inbox_procrastinate_worker DSN CONCURRENCY``. It has imported all that
it needs when it says ``ready``, waits for a line, and works until no job is left.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.inbox_procrastinate import app_on

__all__: list[str] = []


async def _work(dsn: str, concurrency: int) -> None:
    app = app_on(dsn)
    async with app.open_async():
        await app.run_worker_async(concurrency=concurrency, wait=False)


def _main(dsn: str, concurrency: str) -> None:
    print("ready", flush=True)
    sys.stdin.readline()
    asyncio.run(_work(dsn, int(concurrency)))
    print("done", flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
