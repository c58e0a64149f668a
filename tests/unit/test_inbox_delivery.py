"""``delivery="inbox"``: verified, recorded, answered; nothing else happens in the request (10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from stripe_events.errors import StoreError
from stripe_events.events import ChargeSucceeded
from stripe_events.notifications import V1ChargeSucceeded
from stripe_events.observers import Duplicate, Failed, Handled, Ignored
from stripe_events.storage._operations import Write
from tests.unit.deliveries import NOW, encode, snapshot, thin
from tests.unit.recorded import Handler
from tests.unit.test_recorded_where import Where
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events import EventRouter, WebhookResponse
    from tests.unit.recorded import Service

AUTHORIZATION = "issuing_authorization.request"


def test_an_event_is_recorded_and_answered(service: Service) -> None:
    """It is due for a worker at once; no handler has run."""
    handler = Handler()

    response = service.deliver(service.code({"a": handler}, delivery="inbox"))

    assert (200, Outcome.ACCEPTED) == (response.status, response.outcome)
    assert b'{"outcome":"accepted","event":"evt_1"}' == response.body
    assert 0 == handler.runs
    record = service.record()
    assert ("pending", "inbox", NOW) == (record.state, record.lane, record.due)
    assert {"a": "planned"} == service.outcomes()
    stored = service.ledger.get("default", "evt_1")
    assert stored is not None
    assert encode(snapshot()) == stored.payload


def test_rescue_runs_it(service: Service) -> None:
    """So does any worker; then Stripe's next delivery is a duplicate."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox")
    service.deliver(router)

    assert (1, 1, 0, 0) == service.rescue(router)
    assert (1, "done") == (handler.runs, service.record().state)
    assert 1 == len(service.told_of(Handled))
    assert Outcome.DUPLICATE == service.deliver(router).outcome
    assert (1, ["done"]) == (handler.runs, [told.state for told in service.told_of(Duplicate)])


def test_no_middleware_runs_in_the_request(service: Service) -> None:
    """It belongs to the handler's run, and has its place in the worker."""
    seen: list[str] = []
    router = service.code({"a": Handler()}, delivery="inbox")

    @router.middleware
    def layer(event: object, ctx: object) -> Generator[None, Any, None]:
        seen.append("layer")
        yield

    service.deliver(router)
    assert [] == seen
    service.rescue(router)
    assert ["layer"] == seen


def test_where_is_asked_before_recording(service: Service) -> None:
    """Once: what it refuses is not recorded, what it wants is not asked about again."""
    refusing, wanting = Where(False), Where(True)
    router = service.code({}, delivery="inbox")
    router.on(ChargeSucceeded, name="a", where=refusing)(Handler())
    assert Outcome.IGNORED == service.deliver(router).outcome
    assert (1, False) == (refusing.asked, service.has())
    assert ["no handler"] == [told.reason for told in service.told_of(Ignored)]

    router = service.code({}, delivery="inbox")
    router.on(ChargeSucceeded, name="b", where=wanting)(Handler())
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    service.deliver(router)
    assert (1, 1) == (service.rescue(router).handled, wanting.asked)


def test_a_where_that_raises_is_asked_again_by_the_worker(service: Service) -> None:
    """Stripe is answered; the handler is not run before its ``where`` has said yes."""
    handler, where = Handler(), Where(ValueError("1"), ValueError("2"), True)
    router = service.code({}, delivery="inbox")
    router.on(ChargeSucceeded, name="a", where=where)(handler)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert 1 == service.rescue(router).failed
    assert (0, "2") == (handler.runs, _message(service))
    service.clock.now += 10
    assert 1 == service.rescue(router).handled
    assert (1, 3) == (handler.runs, where.asked)


def _message(service: Service) -> str:
    error = service.handler().error
    assert error is not None
    return error.message


def test_rejected_deliveries_are_not_recorded(service: Service) -> None:
    """Nothing is kept of a body before its signature holds, nor of one that is no event."""
    router = service.code({"a": Handler()}, delivery="inbox")

    forged = _unsigned(service, router, {"stripe-signature": f"t={NOW},v1={'0' * 64}"})
    unsigned = _unsigned(service, router, {})
    malformed = service.deliver(router, {"id": "evt_1"})

    assert Outcome.SIGNATURE_INVALID == forged.outcome
    assert Outcome.SIGNATURE_MISSING == unsigned.outcome
    assert Outcome.MALFORMED == malformed.outcome
    assert [] == service.ledger.operations


def _unsigned(service: Service, router: EventRouter, headers: dict[str, str]) -> WebhookResponse:
    if not service.way.is_async:
        return router.handle(encode(snapshot()), headers)
    response: WebhookResponse = aio(router.ahandle(encode(snapshot()), headers))
    return response


def test_ignored_events_are_not_recorded(service: Service) -> None:
    """No handler is for the type, or the event is of the other mode."""
    router = service.code({"a": Handler()}, delivery="inbox", expect_livemode=False)

    other = service.deliver(router, snapshot("charge.failed"))
    live = service.deliver(router, snapshot(livemode=True))

    assert [Outcome.IGNORED] * 2 == [other.outcome, live.outcome]
    assert not service.has()


@pytest.mark.parametrize("error", [StoreError("refused"), OSError("down"), TypeError("a defect")])
def test_what_cannot_be_recorded_is_answered_500(service: Service, error: Exception) -> None:
    """Stripe delivers it again; nothing was promised, and nothing is lost."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox")
    service.ledger.break_at(Write, error)

    response = service.deliver(router)

    assert (500, Outcome.STORE_FAILED) == (response.status, response.outcome)
    assert not service.has()
    assert [response.error] == [told.error for told in service.told_of(Failed)]
    service.ledger.break_at(Write, None)
    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert 1 == service.rescue(router).handled


def test_trusted_input_goes_to_the_inbox_too(service: Service) -> None:
    """It is recorded as JSON, whatever it came as."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox")

    assert Outcome.ACCEPTED == service.process(router, snapshot()).outcome
    assert Outcome.ACCEPTED == service.process(router, encode(snapshot())).outcome
    assert (1, 1) == (service.rescue(router).handled, handler.runs)
    assert Outcome.DUPLICATE == service.process(router, snapshot()).outcome


def test_trusted_input_from_before_what_was_forgotten_is_expired(service: Service) -> None:
    """It may have been handled; it is answered 200 and not recorded."""
    router = service.code({"a": Handler()}, delivery="inbox")
    service.deliver(router)
    service.rescue(router)
    service.clock.now += 32 * 86_400
    assert 1 == service.ledger.forget("default")

    response = service.process(router, snapshot(id="evt_2", created=NOW - 1))

    assert (200, Outcome.EXPIRED) == (response.status, response.outcome)
    assert not service.has("evt_2")


def test_thin_events_go_to_the_inbox_too(service: Service) -> None:
    """They are recorded as they came."""
    handler = Handler()
    router = service.code({}, delivery="inbox")
    router.on("v1.charge.succeeded", kind="thin", name="a")(handler)

    assert Outcome.ACCEPTED == service.deliver(router, thin()).outcome
    assert (1, 1) == (service.rescue(router).handled, handler.runs)


@pytest.mark.parametrize("delivery", ["inline", "inbox"])
def test_what_stripe_waits_for_runs_inline(service: Service, delivery: str) -> None:
    """Its answer is read: also if router and handler say ``inbox``."""
    for kind, payload in (("snapshot", snapshot(AUTHORIZATION)), ("thin", _thin_authorization())):
        handler = Handler()
        router = service.code({}, delivery=delivery)
        router.on(payload["type"], kind=kind, name=kind, delivery="inbox")(handler)

        assert Outcome.HANDLED == service.deliver(router, payload).outcome
        assert 1 == handler.runs


def _thin_authorization() -> dict[str, Any]:
    return thin(f"v1.{AUTHORIZATION}", id="evt_2")


@pytest.mark.parametrize("named", [ChargeSucceeded, "charge.succeeded", "charge.*"])
def test_types_that_are_named_run_inline(service: Service, named: Any) -> None:
    """By class, name or pattern, for all of their handlers; other types do not."""
    inline, inbox = Handler(), Handler()
    router = service.code({}, delivery="inbox", inline=[named])
    router.on(ChargeSucceeded, name="a", delivery="inbox")(inline)
    router.on("customer.created", name="b")(inbox)

    charge = service.deliver(router)
    customer = service.deliver(router, snapshot("customer.created", id="evt_2"))

    assert (Outcome.HANDLED, Outcome.ACCEPTED) == (charge.outcome, customer.outcome)
    assert (1, 0) == (inline.runs, inbox.runs)
    assert ("inline", "inbox") == (service.record().lane, service.record("evt_2").lane)


@pytest.mark.parametrize("named", [V1ChargeSucceeded, "v1.charge.succeeded", "v1.charge.*"])
def test_thin_types_can_be_named_too(service: Service, named: Any) -> None:
    """Beside snapshots, of which they tell nothing."""
    handler = Handler()
    router = service.code({"b": handler}, delivery="inbox", inline=["charge.failed", named])
    router.on(V1ChargeSucceeded, name="a")(handler)

    assert Outcome.HANDLED == service.deliver(router, thin()).outcome
    assert Outcome.ACCEPTED == service.deliver(router, snapshot(id="evt_2")).outcome
    assert 1 == handler.runs


def test_an_inline_type_that_fails_is_not_the_inboxs(service: Service) -> None:
    """Stripe delivers it again, and is told 500 until it is handled."""
    handler = Handler(ValueError("not now"))
    router = service.code({"a": handler}, delivery="inbox", inline=[ChargeSucceeded])

    assert 500 == service.deliver(router).status
    assert "inline" == service.record().lane
    assert Outcome.HANDLED == service.deliver(router).outcome


def test_a_fallback_goes_to_the_inbox_too(service: Service) -> None:
    """Also for types that no release of this library knows."""
    handler = Handler()
    router = service.code({}, delivery="inbox")
    router.fallback(name="rest")(handler)

    assert Outcome.ACCEPTED == service.deliver(router, snapshot("brand.new")).outcome
    assert (1, 1) == (service.rescue(router).handled, handler.runs)


def test_a_handler_of_the_inbox_in_an_included_router_is_left_to_workers(service: Service) -> None:
    """What a collection says of its handlers holds where it is included."""
    from stripe_events import EventRouter

    handler = Handler()
    part = EventRouter()
    part.on(ChargeSucceeded, name="a", delivery="inbox")(handler)
    router = service.code({})
    router.include(part)

    assert Outcome.ACCEPTED == service.deliver(router).outcome
    assert (1, 1) == (service.rescue(router).handled, handler.runs)
