"""What Stripe is answered by ``ctx.respond()``, with a ledger that keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events import Outcome

if TYPE_CHECKING:
    from stripe_events import Context
    from tests.unit.recorded import Service


def test_a_replayed_handler_may_answer_again(service: Service) -> None:
    """It is the same code as before; what Stripe was answered stays as it was."""

    def handler(event: Any, ctx: Context) -> None:
        ctx.respond({"run": len(runs)})
        runs.append(ctx.attempt)

    runs: list[int] = []
    router = service.code({"a": handler})
    service.deliver(router)
    service.ledger.replay("default", "evt_1")

    rescued = service.rescue(router)
    duplicate = service.deliver(router)

    assert (1, 2) == (rescued.handled, len(runs))
    assert (Outcome.DUPLICATE, b'{"run": 0}') == (duplicate.outcome, duplicate.body)


def test_a_second_handler_may_not_answer_in_a_later_attempt_either(service: Service) -> None:
    """One event has one answer, and that was given."""

    def handler(event: Any, ctx: Context) -> None:
        ctx.respond({"handler": "a"})

    def second(event: Any, ctx: Context) -> None:
        ctx.respond({"handler": "b"})

    router = service.code({"a": handler, "b": second})

    responses = [service.deliver(router) for _ in range(2)]

    assert {b'{"handler": "a"}'} == {response.body for response in responses}
    assert {"a": "succeeded", "b": "failed"} == service.outcomes()
