"""
A worker in a process of its own, which does as it is told.

``python -m benchmarks.inbox_worker PLACE burst|stay sync|async CONCURRENCY``. It has imported
all that it needs when it says ``ready``, and has connected to nothing. Then ``burst`` waits
for a line and empties the inbox; ``stay`` works until stdin ends, tells of each handler that
starts by a line (the event's id, and the clock in nanoseconds), and answers each line of
stdin with whether it is woken, and the processor time that it has used.
"""

from __future__ import annotations

import sys
from time import monotonic_ns, process_time
from typing import Any

from benchmarks.inbox_places import Place
from benchmarks.inbox_routers import anothing, nothing, router_over
from stripe_events.worker import Worker

__all__: list[str] = []


def _main(place: str, how: str, kind: str, concurrency: str) -> None:
    store = Place.of(place).store()
    handler = {"sync": nothing, "async": anothing, "tell": _tell}[kind]
    worker = Worker(router_over(store, handler), concurrency=int(concurrency))
    print("ready", flush=True)
    if how == "burst":
        sys.stdin.readline()
        print(*worker.run(burst=True), flush=True)
    else:
        _stay(worker)
    store.close()


def _stay(worker: Worker) -> None:
    with worker:
        for _ in sys.stdin:
            print(int(worker.is_woken), process_time(), flush=True)


def _tell(event: Any) -> None:
    now = monotonic_ns()
    print(event.id, now, flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
