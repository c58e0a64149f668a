"""
Handlers that begin, wait until the test lets them end, and say both.

They end when the file GATE is not locked any more.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stripe_events import Event, EventRouter

__all__ = ["add_slow_handlers"]


def say(what: str, event: Event) -> None:
    """Print a line at once, so that those of other threads do not get into it."""
    sys.stdout.write(f"{what} {event.id}\n")
    sys.stdout.flush()


def wait_at_the_gate() -> None:
    """Wait in this thread until the test opens it; for those that come later it stays open."""
    with Path(os.environ["GATE"]).open("rb") as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)


def in_a_thread(event: Event) -> None:
    """Wait in the thread of the request, or of the router."""
    say("begun", event)
    wait_at_the_gate()
    say("done", event)


async def on_the_loop(event: Event) -> None:
    """Wait while other requests go on."""
    say("begun", event)
    await asyncio.to_thread(wait_at_the_gate)
    say("done", event)


def add_slow_handlers(router: EventRouter) -> None:
    """Register both, each for a type."""
    router.on("charge.failed")(in_a_thread)
    router.on("charge.refunded")(on_the_loop)
