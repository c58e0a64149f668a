"""
A process that serves the demonstration's router, and is killed in the middle of a handler.

Run as a module it is that process. It says on standard output on which port it serves,
then what its handler has said, before the commit; it ends when standard input does.
"""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from stripe_events.cli._demo_deliveries import KILLED
from stripe_events.cli._demo_handlers import LEASE_OF_THE_KILLED, demo_router
from stripe_events.cli._demo_journal import Journal
from stripe_events.cli._demo_sending import ANSWER_SECONDS, NO_ANSWER, send
from stripe_events.cli._demo_server import serving
from stripe_events.storage import SQLiteStore

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO

    from stripe_events.cli._demo_deliveries import Delivery


class Victim(NamedTuple):
    """What the process works on: the file of the ledger, and the endpoint's secret."""

    path: Path
    secret: str


def send_and_kill(delivery: Delivery, victim: Victim) -> tuple[str, list[str]]:
    """
    Send a request to a process that is killed as soon as its handler waits for that.

    Returns:
        The answer, which is that there is none, and what the handler said.
    """
    command = [sys.executable, "-m", __name__, *map(str, victim)]
    with (
        ThreadPoolExecutor(2) as threads,
        Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process,  # noqa: S603 - ourselves
    ):
        said = cast("TextIO", process.stdout)
        try:
            port = int(said.readline() or 0)
            answer = threads.submit(send, delivery, port)
            words = threads.submit(said.readline)
            wait((answer, words), ANSWER_SECONDS, FIRST_COMPLETED)
        finally:
            process.kill()
        ran: list[str] = json.loads(words.result() or "[]")
        is_silent = answer.result().startswith(NO_ANSWER) and bool(ran)
        return KILLED if is_silent else answer.result(), ran


def _serve(path: str, secret: str) -> None:
    """Be the process."""
    journal, may_end = Journal(), threading.Event()

    def before_commit() -> None:
        _say(journal.take().ran)
        may_end.wait()

    with closing(SQLiteStore(path)) as store:
        router = demo_router(secret, store, lease=LEASE_OF_THE_KILLED, before_commit=before_commit)
        with closing(router), journal.listening(), serving(router) as port:
            _say(port)
            sys.stdin.read()
            may_end.set()


def _say(value: Any) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
