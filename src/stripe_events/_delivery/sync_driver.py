"""Perform the flow's effects in the calling thread."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING, cast

from stripe_events._delivery import layers
from stripe_events._delivery.effects import (
    CANCELLED,
    SUCCEEDED,
    Effect,
    Pause,
    Run,
    RunResult,
    Verify,
)
from stripe_events._messages import Outcome, WebhookResponse

if TYPE_CHECKING:
    from stripe_events._delivery.effects import StoreEffect
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.in_flight import InFlight


class Stopped(BaseException):
    """Say that a shutdown cancelled a handler, or came before it could start."""


def drive(flow: Flow, wait: layers.Wait, in_flight: InFlight) -> WebhookResponse:
    """
    Go the whole way of a delivery.

    Args:
        flow: not started yet.
        wait: waits for what async handlers return.
        in_flight: once it is over, no more handlers are started.
    """
    try:
        effect = next(flow)
        while True:
            if type(effect) is Run:
                effect = flow.send(CANCELLED if in_flight.over else run(effect, wait))
            elif type(effect) is Verify:
                effect = _verify(flow, effect)
            elif type(effect) is Pause:
                if in_flight.over:
                    return WebhookResponse(Outcome.DRAINING)
                sleep(effect.seconds)
                effect = flow.send(None)
            else:
                effect = _ask(flow, cast("StoreEffect", effect), wait)
    except StopIteration as end:
        response: WebhookResponse = end.value
        return response
    finally:
        flow.close()  # where a handler ends its thread, nobody works on the event any more


def _verify(flow: Flow, effect: Verify) -> Effect:
    try:
        verification = effect.verifier.verify(effect.body, effect.headers)
    except Exception as error:  # noqa: BLE001 - the flow says what it means
        return flow.throw(error)
    return flow.send(verification)


def _ask(flow: Flow, effect: StoreEffect, wait: layers.Wait) -> Effect:
    call = effect.call
    if call is None:
        return flow.send(None)
    try:
        answer = wait(call(), None) if call.is_async else call()
    except Exception as error:  # noqa: BLE001 - the flow says what it means
        return flow.throw(error)
    return flow.send(answer)


def run(effect: Run, wait: layers.Wait) -> RunResult:
    """Run a handler in this thread and say how it ended."""
    try:
        layers.run(effect.handler, effect.event, effect.context, wait)
    except Exception as error:  # noqa: BLE001 - a handler may raise anything
        return RunResult(error)
    except Stopped:
        return CANCELLED
    except BaseException as error:
        if layers.is_cancellation(error):
            return RunResult(layers.cancelled_itself(error))
        raise
    return SUCCEEDED
