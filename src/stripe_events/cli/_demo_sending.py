"""How the demonstration's requests are sent, and their answers read."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stripe_events.cli._demo_deliveries import Delivery

ANSWER_SECONDS: Final = 20.0
"""How long the client waits: far more than any handler here takes."""

NO_ANSWER: Final = "no answer"


def send(delivery: Delivery, port: int) -> str:
    """Send a request, and give status and outcome of the answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)) as connection:
        try:
            connection.request(
                delivery.method, "/webhook", delivery.body or None, dict(delivery.headers)
            )
            response = connection.getresponse()
            return f"{response.status} {_outcome(response.read())}"
        except (OSError, HTTPException) as error:
            return f"{NO_ANSWER}: {error!r}"


def send_twice(delivery: Delivery, port: int) -> str:
    """Send a request twice at once, and give both answers, sorted."""
    with ThreadPoolExecutor(2) as threads:
        return ", ".join(sorted(threads.map(send, [delivery] * 2, [port] * 2)))


def _outcome(body: bytes) -> str:
    try:
        return str(json.loads(body)["outcome"])
    except (ValueError, LookupError, TypeError):
        return repr(body)
