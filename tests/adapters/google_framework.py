"""Google's own framework around a function, as it loads one that is deployed."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from functions_framework import _function_registry, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events import EventRouter

__all__ = [
    "ASYNC_EVENT",
    "ASYNC_HTTP",
    "EVENT",
    "EVENTARC",
    "HTTP",
    "app_around",
    "message",
    "routed",
]

EVENTARC = {
    "Content-Type": "application/json",
    "ce-id": "1",
    "ce-source": "//pubsub.googleapis.com/projects/shop/topics/stripe",
    "ce-specversion": "1.0",
    "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
}
"""The headers with which Eventarc brings what is published to a topic."""

_SOURCE = """
import functions_framework
import functions_framework.aio
from stripe_events.adapters import google_functions
from stripe_events.adapters.starlette import starlette_endpoint
from tests.adapters.google_framework import routed

router = routed[-1]
{target} = {function}
"""

HTTP = ("stripe", "google_functions.functions_handler(router)")
ASYNC_HTTP = ("webhook", "functions_framework.aio.http(starlette_endpoint(router))")
EVENT = ("stripe_event", "functions_framework.cloud_event(google_functions.pubsub_handler(router))")
ASYNC_EVENT = (
    "stripe_event",
    "functions_framework.aio.cloud_event(google_functions.apubsub_handler(router))",
)
"""Entry points, and how the source makes the functions."""

routed: list[EventRouter] = []
"""Here the source finds its router: it is the last one."""


def message(data: bytes) -> bytes:
    """Give the body in which Pub/Sub and Eventarc bring what was published."""
    envelope = {"message": {"data": b64encode(data).decode(), "messageId": "1"}}
    return json.dumps({**envelope, "subscription": "projects/shop/subscriptions/s"}).encode()


def app_around(router: EventRouter, entry: tuple[str, str]) -> Any:
    """Let the framework load the source of a function, and give its app."""
    target, function = entry
    _function_registry.REGISTRY_MAP.pop(target, None)  # a process has only one function
    _function_registry.ASGI_FUNCTIONS.discard(target)
    with _routed(router), TemporaryDirectory() as folder:
        source = Path(folder, "main.py")
        source.write_text(_SOURCE.format(target=target, function=function))
        return create_app(target, str(source))


@contextmanager
def _routed(router: EventRouter) -> Iterator[None]:
    routed.append(router)
    try:
        yield
    finally:
        routed.remove(router)
