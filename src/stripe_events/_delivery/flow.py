"""
The way of a delivery, written once, as a generator that yields effects as values.

Between any two yields the process may die, and a driver may abandon the flow:
nothing that matters happens outside an effect. Closing the flow yields nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

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
from stripe_events._delivery.observing import Observers, log
from stripe_events._messages import (
    Body,
    Headers,
    Outcome,
    WebhookResponse,
    body_within,
    outcome_of,
    respond,
)
from stripe_events._parse import event_of
from stripe_events.errors import (
    DeliveryError,
    HandlerError,
    Permanent,
    ProcessingError,
    RetryLater,
)
from stripe_events.observers import (
    Dead,
    Failed,
    Handled,
    HandlerRun,
    Ignored,
    Received,
    Rejected,
)

if TYPE_CHECKING:
    from stripe_events._event import AnyEvent
    from stripe_events._registry import RoutingTable
    from stripe_events._verification import Verification, Verifier

Flow: TypeAlias = Generator[Effect, Any, WebhookResponse]


class Settings(NamedTuple):
    """What a frozen router gives every flow."""

    table: RoutingTable
    observers: Observers
    clock: Callable[[], float]
    max_body_bytes: int
    expect_livemode: bool | None
    needs_loop: bool


def webhook(
    settings: Settings, verifier: Verifier, body: Body, headers: Headers, seconds: float
) -> Flow:
    """Go the way of a signed request; handlers have ``seconds``."""
    received_at = _now(settings)
    try:
        raw = body_within(settings.max_body_bytes, body)
        secret = yield from _verify(Verify(verifier, raw, headers))
        event = event_of(_payload.load(raw), received_at)
    except DeliveryError as error:
        return _rejected(settings, error)
    except ProcessingError as error:
        log("ERROR", str(error), error)
        return respond(Outcome.FAILED, error=error)
    return (yield from _deliver(settings, event, Delivery(received_at, secret, seconds)))


def _verify(effect: Verify) -> Generator[Effect, Verification, str | None]:
    try:
        return (yield effect).secret
    except DeliveryError:
        raise
    except Exception as error:  # a verifier may be the user's code
        msg = "the verifier failed, so that nothing can be said of the delivery"
        raise ProcessingError(msg) from error


def trusted(settings: Settings, payload: Body | Mapping[str, Any], seconds: float) -> Flow:
    """Go the way of input that was authenticated by other means."""
    received_at = _now(settings)
    try:
        event = event_of(_envelope.unwrap(payload), received_at)
    except DeliveryError as error:
        return _rejected(settings, error)
    return (yield from _deliver(settings, event, Delivery(received_at, None, seconds)))


def _deliver(settings: Settings, event: AnyEvent, delivery: Delivery) -> Flow:
    tell = settings.observers.tell
    tell(Received, event, delivery.secret)
    if settings.expect_livemode not in (None, event.livemode):
        tell(Ignored, event, "livemode")
        return respond(Outcome.IGNORED, event.id)
    plan = settings.table.plan(event)
    if not plan:
        tell(Ignored, event, "no handler")
        return respond(Outcome.IGNORED, event.id)
    yield Accept(event, plan)
    started = perf_counter()
    runs: list[HandlerRun] = []
    for planned in plan:
        context = Context(delivery, event.id, planned.handler.name, planned.handler.timeout)
        result: RunResult = (
            (yield Run(planned.handler, event, context))
            if planned.error is None
            else RunResult(planned.error)
        )
        if result.abandoned:
            return respond(Outcome.DRAINING, event.id)
        if result.cancelled:
            yield GiveBack()
            return respond(Outcome.DRAINING, event.id)
        run = _ended(planned.handler.name, context, result.error)
        answer = context.answer if run.outcome == "succeeded" else None
        yield Finish(run, answer)
        runs.append(run)
        delivery.answer = delivery.answer or answer
    return (yield from _settle(settings, event, delivery, runs, started))


def _ended(name: str, context: Context, error: Exception | None) -> HandlerRun:
    if error is not None:
        return HandlerRun(name, "dead" if isinstance(error, Permanent) else "failed", error)
    return HandlerRun(name, "succeeded" if context.skipped is None else "skipped")


def _settle(
    settings: Settings,
    event: AnyEvent,
    delivery: Delivery,
    runs: list[HandlerRun],
    started: float,
) -> Flow:
    errors = [run for run in runs if run.error is not None]
    if not errors:
        settings.observers.tell(Handled, event, tuple(runs), perf_counter() - started)
        return _answered(respond(Outcome.HANDLED, event.id), delivery)
    error = _handler_error(event, errors, len(runs))
    failed = any(run.outcome == "failed" for run in errors)
    if failed:
        yield Suspend(_retry_after(errors))
    log("ERROR", str(error), error)
    record = Failed if failed else Dead
    settings.observers.tell(record, event, tuple(runs), perf_counter() - started, error)
    outcome = Outcome.FAILED if failed else Outcome.DEAD
    return _answered(respond(outcome, event.id, error), delivery)


def _answered(response: WebhookResponse, delivery: Delivery) -> WebhookResponse:
    answer = delivery.answer
    if answer is None:
        return response
    headers = {
        "content-type": "application/json",
        **answer.headers,
        "content-length": str(len(answer.body)),
    }
    return response._replace(status=200, headers=headers, body=answer.body)


def _handler_error(event: AnyEvent, errors: list[HandlerRun], total: int) -> HandlerError:
    names = [run.handler for run in errors]
    message = (
        f"{len(errors)} of {total} handlers did not succeed for {event.id} ({event.type}): "
        f"{', '.join(names)}"
    )
    return HandlerError(message, [run.error for run in errors if run.error is not None], names)


def _retry_after(errors: list[HandlerRun]) -> float | None:
    return min((e.error.after for e in errors if isinstance(e.error, RetryLater)), default=None)


def _rejected(settings: Settings, error: DeliveryError) -> WebhookResponse:
    log("WARNING", f"a delivery was rejected: {error}")
    error.__traceback__ = None  # its frames hold the response, and so each other, and the body
    settings.observers.tell(Rejected, error)
    return respond(outcome_of(error), error=error)


def _now(settings: Settings) -> datetime:
    return datetime.fromtimestamp(settings.clock(), UTC)
