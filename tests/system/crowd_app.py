"""
An app whose handlers wait for one another, and answer with what they see around them.

The variable CROWD says for how many deliveries, and how many threads there are for them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from stripe_events import Context, Event, EventRouter
from stripe_events.adapters.asgi import asgi_app
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.storage import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Generator

LIMIT = 30.0
CROWD = int(os.environ["CROWD"])
router = EventRouter(
    os.environ["STRIPE_WEBHOOK_SECRET"],
    store=SQLiteStore(os.environ["DATABASE"]),
    handler_threads=CROWD,
)
request_id: ContextVar[str] = ContextVar("request_id")
layer_id: ContextVar[str] = ContextVar("layer_id")
all_here = threading.Barrier(CROWD)
freed = threading.Event()
seen_in_threads: dict[str, list[str]] = {}


@router.middleware
def layer(event: Any, ctx: Context) -> Generator[None, Any, None]:
    """Name the event in a context variable."""
    token = layer_id.set(event.id)
    try:
        yield
    finally:
        layer_id.reset(token)


def seen(event: Event, ctx: Context) -> list[str]:
    """Give what tells this delivery from others."""
    return [event.id, request_id.get(), layer_id.get(), ctx.delivery_id]


@router.on("charge.succeeded")
def together(event: Event, ctx: Context) -> None:
    """Wait until all others are here."""
    all_here.wait(LIMIT)
    seen_in_threads[event.id] = seen(event, ctx)


@router.on("charge.succeeded")
async def after(event: Event, ctx: Context) -> None:
    """Let others go first, then answer."""
    await asyncio.sleep(0)
    ctx.respond({"sync": seen_in_threads[event.id], "async": seen(event, ctx)})


@router.on("charge.pending")
def blocked(event: Event) -> None:
    """Wait in a thread for what another request does."""
    sys.stdout.write("waits\n")
    sys.stdout.flush()
    if not freed.wait(LIMIT):
        raise TimeoutError


@router.on("charge.refunded")
async def free(event: Event) -> None:
    """Free them all."""
    freed.set()


_wsgi = wsgi_app(router)
_asgi = asgi_app(router)


def application(environ: Any, start_response: Any) -> Any:
    """Name the request, as middleware of WSGI does."""
    token = request_id.set(environ.get("HTTP_X_REQUEST_ID"))
    try:
        return _wsgi(environ, start_response)
    finally:
        request_id.reset(token)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Name the request, as middleware of ASGI does."""
    request_id.set(dict(scope.get("headers", ())).get(b"x-request-id", b"").decode())
    await _asgi(scope, receive, send)
