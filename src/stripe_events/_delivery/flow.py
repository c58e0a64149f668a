"""
The way of a delivery, written once, as a generator that yields effects as values.

Between any two yields the process may die, and a driver may abandon the flow:
nothing that matters happens outside an effect. Closing the flow yields nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from stripe_events import _envelope, _payload
from stripe_events._delivery.context import Context, Delivery
from stripe_events._delivery.effects import (
    Accept,
    Effect,
    Finish,
    GiveBack,
    Run,
    RunResult,
    Suspend,
    Verify,
)
from stripe_events._delivery.observing import log
from stripe_events._delivery.results import finish_of, handler_error, retry_after, runs
from stripe_events._messages import (
    Body,
    Headers,
    Outcome,
    WebhookResponse,
    body_within,
    outcome_of,
)
from stripe_events._parse import event_of
from stripe_events.errors import (
    DeliveryError,
    ProcessingError,
)

if TYPE_CHECKING:
    from stripe_events._delivery.settings import Settings
    from stripe_events._event import AnyEvent
    from stripe_events._verification import Verification, Verifier

Flow: TypeAlias = Generator[Effect, Any, WebhookResponse]

_UNRECORDED = Accept()


def webhook(
    settings: Settings,
    verifier: Verifier,
    body: Body,
    headers: Headers,
    seconds: float,
    *,
    lease: float | None = None,
) -> Flow:
    """Go the way of a signed request; handlers have ``seconds``."""
    received = settings.clock()
    try:
        raw = body_within(settings.max_body_bytes, body)
        try:
            verification: Verification = yield Verify(verifier, raw, headers)
            secret = verification.secret
        except DeliveryError:
            raise
        except Exception as error:  # a verifier may be the user's code
            msg = "the verifier failed, so that nothing can be said of the delivery"
            raise ProcessingError(msg) from error
        event = event_of(_payload.load(raw), received)
    except DeliveryError as error:
        return rejected(settings, error)
    except ProcessingError as error:
        log("ERROR", str(error), error)
        return WebhookResponse(Outcome.FAILED, error=error)
    return (yield from _deliver(settings, event, Delivery(received, secret, seconds, lease), raw))


def trusted(
    settings: Settings,
    payload: Body | Mapping[str, Any],
    seconds: float,
    *,
    lease: float | None = None,
) -> Flow:
    """Go the way of input that was authenticated by other means."""
    received = settings.clock()
    try:
        event = event_of(_envelope.unwrap(payload), received)
    except DeliveryError as error:
        return rejected(settings, error)
    return (yield from _deliver(settings, event, Delivery(received, None, seconds, lease), None))


def _deliver(settings: Settings, event: AnyEvent, delivery: Delivery, body: Body | None) -> Flow:
    tell = settings.observers.tell
    tell("Received", event, delivery.secret)
    if settings.expect_livemode is (not event.livemode):
        tell("Ignored", event, "livemode")
        return WebhookResponse(Outcome.IGNORED, event.id)
    if settings.ledger is not None:
        from stripe_events._delivery.recorded import deliver

        return (yield from deliver(settings, settings.ledger, event, delivery, body))
    plan = settings.table.plan(event)
    if not plan:
        tell("Ignored", event, "no handler")
        return WebhookResponse(Outcome.IGNORED, event.id)
    yield _UNRECORDED
    finished: list[Finish] = []
    successful = True
    for handler, error in plan:
        context = Context(delivery, event.id, handler.name, handler.timeout)
        result: RunResult = (
            (yield Run(handler, event, context)) if error is None else RunResult(error)
        )
        if result.cancelled:
            yield GiveBack()
        if result.cancelled or result.abandoned:
            return WebhookResponse(Outcome.DRAINING, event.id, None, delivery.answer)
        finish = finish_of(handler.name, context, result.error)
        yield finish
        finished.append(finish)
        delivery.answer = delivery.answer or finish.answer
        successful = successful and finish.error is None
    if not successful:
        return (yield from _unsuccessful(settings, event, delivery, finished))
    if settings.observers.want("Handled"):
        tell("Handled", event, runs(finished), delivery.elapsed())
    return WebhookResponse(Outcome.HANDLED, event.id, None, delivery.answer)


def _unsuccessful(
    settings: Settings, event: AnyEvent, delivery: Delivery, finished: list[Finish]
) -> Flow:
    error = handler_error(event, finished)
    failed = any(finish.outcome == "failed" for finish in finished)
    if failed:
        yield Suspend(retry_after(finished))
    log("ERROR", str(error), error, event_id=event.id)
    seconds = delivery.elapsed()
    settings.observers.tell("Failed" if failed else "Dead", event, runs(finished), seconds, error)
    outcome = Outcome.FAILED if failed else Outcome.DEAD
    return WebhookResponse(outcome, event.id, error, delivery.answer)


def rejected(settings: Settings, error: DeliveryError) -> WebhookResponse:
    """Say why a delivery is not accepted, to log and observers, and give what to answer."""
    log("WARNING", f"a delivery was rejected: {error}")
    error.__traceback__ = None  # its frames hold the response, and so each other, and the body
    settings.observers.tell("Rejected", error)
    return WebhookResponse(outcome_of(error), error=error)
