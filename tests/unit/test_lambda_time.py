"""The time that an invocation has left is the handlers' deadline and the claim's lease."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.adapters.aws_lambda import lambda_handler
from stripe_events.storage import MemoryStore
from tests.unit.deliveries import router, signed, snapshot
from tests.unit.lambda_events import Context, event_bridge, http_2, sns, sqs

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events import Context as HandlerContext
    from stripe_events import EventRouter


def request() -> dict[str, Any]:
    """Give a signed request."""
    body, headers = signed(snapshot())
    return http_2("POST", headers.items(), body)


SOURCES: dict[str, Callable[[], Any]] = {
    "HTTP": request,
    "EventBridge": lambda: event_bridge(snapshot()),
    "SNS": lambda: sns(snapshot()),
    "SQS": lambda: sqs(snapshot()),
}
from_each = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)


class Seen:
    """What a handler saw: the time it had, the claim's lease, the threads that ran."""

    def __init__(self) -> None:
        """Take deliveries of a store whose clock stands."""
        self.remaining: list[float] = []
        self.leases: list[float] = []
        self.threads: list[str] = []
        self._threads_before = set(threading.enumerate())
        self.store = MemoryStore(clock=lambda: 1_000.0)
        self.router: EventRouter = router(store=self.store)
        self.router.on_any(name="any")(self.handle)
        self.function = lambda_handler(self.router)

    def handle(self, event: Any, ctx: HandlerContext) -> None:
        """Look around."""
        self.remaining.append(ctx.remaining())
        record = self.store.get("default", event.id)
        assert record is not None
        assert record.record.lease_until is not None
        self.leases.append(record.record.lease_until - 1_000.0)
        self.threads += [one.name for one in set(threading.enumerate()) - self._threads_before]


@from_each
def test_the_time_left_is_deadline_and_lease(make: Any) -> None:
    """Half a second is kept to record and answer; the claim outlasts it all by two."""
    seen = Seen()
    seen.function(make(), Context(20.0))
    assert [True] == [19.0 < seconds <= 19.5 for seconds in seen.remaining]
    assert [22.0] == seen.leases


@from_each
@pytest.mark.parametrize("seconds", [1.0, 29.0, 900.0])
def test_no_thread_extends_a_claim(make: Any, seconds: float) -> None:
    """Lambda would stop it between two invocations; the claim lasts long enough."""
    seen = Seen()
    seen.function(make(), Context(seconds))
    assert [] == seen.threads
    assert [seconds + 2] == seen.leases


@pytest.mark.parametrize("seconds", [0.5, 0.0, -3.0])
def test_a_deadline_that_has_passed_leaves_nothing(seconds: float) -> None:
    """The handler is asked to do nothing more, but a claim lasts a while."""
    seen = Seen()
    seen.function(event_bridge(snapshot()), Context(seconds))
    assert [0.0] == seen.remaining
    assert [max(0.0, seconds) + 2] == seen.leases


@from_each
@pytest.mark.parametrize("context", [None, {}, SimpleNamespace(aws_request_id="1")])
def test_without_a_time_the_router_s_limits_hold(make: Any, context: Any) -> None:
    """Local tools give no context, or one that tells nothing."""
    seen = Seen()
    seen.function(make(), context)
    assert [True] == [59.0 < seconds <= 60.0 for seconds in seen.remaining]
    assert (["stripe-events-heartbeat"], [30.0]) == (seen.threads, seen.leases)
    seen.router.close()


def test_the_time_is_asked_anew_for_each_message() -> None:
    """A later one has less."""
    seen = Seen()
    seen.function(sqs(snapshot(id="evt_1"), snapshot(id="evt_2")), Context(20, 20, 10, 10))
    assert [22.0, 12.0] == seen.leases
    assert [True, True] == [
        most - 0.5 < seconds <= most
        for seconds, most in zip(seen.remaining, (19.5, 9.5), strict=True)
    ]
