"""Many deliveries at once on real servers: each is answered by itself, and none holds others up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.system.example_server import event, started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.example_server import Answer

CROWD = 200
UVICORN = "-m uvicorn --port 0 crowd_app:app"
GUNICORN = "-m gunicorn --no-control-socket --bind 127.0.0.1:0"
THREADED = f"{GUNICORN} --worker-class gthread --threads {CROWD} crowd_app:application"


@pytest.mark.parametrize("command", [THREADED, UVICORN], ids=["gunicorn", "uvicorn"])
def test_200_deliveries_at_once_are_not_mixed_up(command: str, tmp_path: Path) -> None:
    """All are in their handlers at the same time; each sees what is its own, and answers it."""

    def deliver(number: int) -> Answer:
        body = event("charge.succeeded", {"object": "charge"}, f"evt_{number}")
        return server.deliver(body, **{"X-Request-Id": f"req_{number}"})

    in_flight = ThreadPoolExecutor(CROWD)
    with started(command, tmp_path, CROWD=str(CROWD)) as server, in_flight as clients:
        answers = list(clients.map(deliver, range(CROWD)))
    assert {200} == {answer.status for answer in answers}
    deliveries = [answer.json["sync"][3] for answer in answers]
    assert CROWD == len(set(deliveries))
    for number, delivery in enumerate(deliveries):
        its_own = [f"evt_{number}", f"req_{number}", f"evt_{number}", delivery]
        assert {"sync": its_own, "async": its_own} == answers[number].json


def test_slow_sync_handlers_do_not_block_the_loop(tmp_path: Path) -> None:
    """They hold all threads there are, and wait for what only a later request brings."""
    threads = 4

    def deliver(number: int) -> int:
        body = event("charge.pending", {"object": "charge"}, f"evt_{number}")
        return server.deliver(body).status

    in_flight = ThreadPoolExecutor(2 * threads)
    with started(UVICORN, tmp_path, CROWD=str(threads)) as server, in_flight as clients:
        slow = [clients.submit(deliver, number) for number in range(2 * threads)]
        for _ in range(threads):
            server.wait_for("^waits$")
        freeing = event("charge.refunded", {"object": "charge"}, "evt_frees")
        assert 200 == server.deliver(freeing).status
        assert {200} == {delivery.result() for delivery in slow}
