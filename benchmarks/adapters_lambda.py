"""
What a cold start costs on AWS Lambda: import, a router with one handler, one HTTP event.

Measured as the first event of a router is, in processes of their own.
"""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from benchmarks.adapters_requests import SECRET, lambda_event, signed
from benchmarks.startup import cold_start

if TYPE_CHECKING:
    from benchmarks.figures import Figure

__all__ = ["measure"]

_MOST_MS = 50.0
_COLD_START = dedent(
    """
    from stripe_events import EventRouter
    from stripe_events.adapters.aws_lambda import lambda_handler
    from stripe_events.events import ChargeSucceeded

    router = EventRouter({secret!r})

    @router.on(ChargeSucceeded)
    def charge(event):
        pass

    class Context:
        def get_remaining_time_in_millis(self):
            return 29_000

    answer = lambda_handler(router)({event!r}, Context())
    assert answer["statusCode"] == 200, answer
    """
)


def measure(processes: int) -> list[Figure]:
    """Start so many processes of each kind, in turn."""
    code = _COLD_START.format(secret=SECRET, event=lambda_event(signed()))
    return cold_start("Lambda's cold start", code, processes, _MOST_MS)
