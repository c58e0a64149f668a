"""
A function for AWS Lambda around a router, whatever invokes it.

Signed requests come from API Gateway (REST and HTTP APIs), function URLs, Application Load
Balancers and VPC Lattice; events without a signature from EventBridge, where Stripe sends
them itself, and from there or elsewhere through SQS and SNS.

**Whoever may invoke the function is believed.** Events of a bus carry no signature: IAM
guards who invokes, and a gateway puts what a stranger sends inside of a request. So leave the
proxy integration as it is: with a mapping template (a non-proxy integration) a stranger
would write the whole event, and could pass for a bus.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.adapters._endpoint import Endpoint
from stripe_events.adapters._lambda.buses import take_batch, take_event, take_notifications
from stripe_events.adapters._lambda.complaint import complaint
from stripe_events.adapters._lambda.http import answer_request, formed
from stripe_events.adapters._lambda.shapes import (
    EventSource,
    event_source_of,
    http_shape_of,
    is_http_like,
    value_at,
)
from stripe_events.adapters._lambda.time import TimeLeft
from stripe_events.errors import MalformedPayload, ProcessingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.router import EventRouter

__all__ = ["lambda_handler"]


def lambda_handler(router: EventRouter) -> Callable[[Any, Any], dict[str, Any] | None]:
    """
    Make the function that Lambda is told to call, as ``handler(event, context)``.

    - A request is answered as its source wants it. Its path does not matter: what is routed to
      the function is served.
    - Of an SQS batch those messages come again that were not handled; turn on
      ``ReportBatchItemFailures`` in the event source mapping, or they are lost. In a FIFO
      queue nothing is handled after the first failure.
    - For an event of EventBridge or SNS that was not handled the function raises, so that
      Lambda tries again, and gives it to the dead-letter queue in the end.
    - Anything else is refused: with 400 if it looks like a request, else the function raises.

    The time that the invocation has left is the deadline of handlers. A claim lasts a
    little longer, so nothing has to run between invocations. Nothing of an event is logged
    but its id, and of one that is refused its keys.

    Args:
        router: who handles; without secrets it serves buses only.

    Raises:
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    router.check_servable(is_verified=False)
    endpoint = Endpoint(router)

    def handler(event: Any, context: Any) -> dict[str, Any] | None:
        time = TimeLeft(context)
        shape = http_shape_of(event)
        if shape is not None:
            return answer_request(endpoint, event, value_at(event, shape.method), time)
        match event_source_of(event):
            case EventSource.SQS:
                return take_batch(router, event["Records"], time)
            case EventSource.SNS:
                take_notifications(router, event["Records"], time)
            case EventSource.EVENTBRIDGE:
                take_event(router, event, time)
            case _:
                return _refuse(router, event)
        return None

    return handler


def _refuse(router: EventRouter, event: Any) -> dict[str, Any]:
    said = complaint(event)
    response = router.reject(MalformedPayload(said))
    if not is_http_like(event):
        raise ProcessingError(said)
    return formed(event, response)
