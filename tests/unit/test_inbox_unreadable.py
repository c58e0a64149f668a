"""A stored payload that cannot be read: newer code may, but not for ever."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome, Retry
from stripe_events.errors import LostClaim
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import MemoryStore
from tests.unit.deliveries import NOW, encode, snapshot
from tests.unit.recorded import Handler, only_handle

if TYPE_CHECKING:
    from stripe_events import EventRouter
    from tests.unit.recorded import Service

THREE_DAYS = 259_200.0
"""Seconds; ``Retry.age``."""


def unreadable(service: Service, router: EventRouter, payload: bytes = b"[]") -> None:
    """Have an event in the inbox of which something has spoilt the payload."""
    service.deliver(router)
    service.ledger._payloads["default", "evt_1"] = payload


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b'{"id": "evt_1"}'])
def test_it_is_tried_again_each_hour(service: Service, payload: bytes) -> None:
    """Until code comes that can read it, or the database is mended; nothing is counted."""
    handler = Handler()
    router = service.code({"a": handler}, delivery="inbox", retry=Retry(attempts=1))
    unreadable(service, router, payload)

    assert (1, 0, 1, 0) == service.rescue(router)
    assert ("failed", NOW + 3_600) == (service.record().state, service.record().due)
    assert 0 == service.rescue(router).events
    service.clock.now += 3_600
    assert (1, 0, 1, 0) == service.rescue(router)

    service.ledger._payloads["default", "evt_1"] = encode(snapshot())
    service.clock.now += 3_600
    assert 1 == service.rescue(router).handled
    assert [1] == handler.attempts


def test_it_is_dead_when_it_is_too_old(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Its handlers have the error, so that an operator sees what is wrong."""
    router = service.code({"a": Handler(), "b": Handler()}, delivery="inbox")
    unreadable(service, router)
    service.clock.now += THREE_DAYS - 1
    assert 1 == service.rescue(router).failed
    service.clock.now += 3_600
    caplog.clear()

    assert (1, 0, 0, 1) == service.rescue(router)
    assert "dead" == service.record().state
    for name in "ab":
        handler = service.handler(name)
        assert handler.error is not None
        assert "dead" == handler.outcome
        assert "stripe_events.errors.MalformedPayload" == handler.error.type
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "the stored payload of evt_1 cannot be read: it is dead" == record.getMessage()
    assert Outcome.DEAD == service.deliver(router).outcome
    assert 0 == service.rescue(router).events


def test_a_handler_may_have_an_age_of_its_own(service: Service) -> None:
    """The event is dead when the last of them is over."""
    router = service.code({"a": Handler()}, delivery="inbox", retry=Retry(age=10_000.0))
    router.on(ChargeSucceeded, name="b", retry=Retry(age=3_700.0))(Handler())
    unreadable(service, router)

    states = []
    for _ in range(4):
        service.rescue(router)
        states.append((service.record().state, *service.outcomes().values()))
        service.clock.now += 3_600

    assert [
        ("failed", "planned", "planned"),
        ("failed", "planned", "planned"),
        ("failed", "planned", "dead"),
        ("dead", "dead", "dead"),
    ] == states


def test_an_operator_may_try_it_again(service: Service) -> None:
    """It is read once more, and run if that goes well."""
    router = service.code({"a": Handler()}, delivery="inbox")
    unreadable(service, router)
    service.clock.now += THREE_DAYS
    service.rescue(router)
    service.ledger.retry("default", "evt_1")
    assert 1 == service.rescue(router).dead

    service.ledger._payloads["default", "evt_1"] = encode(snapshot())
    service.ledger.retry("default", "evt_1")
    assert 1 == service.rescue(router).handled


def test_what_succeeded_before_stays_so(service: Service) -> None:
    """Only what is left is dead."""
    router = service.code({"a": Handler(), "b": Handler(ValueError("not now"))}, delivery="inbox")
    service.deliver(router)
    service.rescue(router)
    service.ledger._payloads["default", "evt_1"] = b"[]"
    service.clock.now += THREE_DAYS

    assert 1 == service.rescue(router).dead
    assert {"a": "succeeded", "b": "dead"} == service.outcomes()


def test_an_event_of_stripes_is_not_given_up(service: Service) -> None:
    """It was never acknowledged: it has no limits, as where its handlers fail."""
    router = service.code({"a": Handler(ValueError("not now"))}, rescue_after=1.0)
    unreadable(service, router)
    service.clock.now += THREE_DAYS

    assert 1 == service.rescue(router).failed
    assert "failed" == service.record().state


@only_handle
@pytest.mark.parametrize("age", [0.0, THREE_DAYS])
def test_who_lost_the_claim_leaves_it_alone(
    service: Service, age: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one took the event over; the pass goes on with the others."""
    router = service.code({"a": Handler()}, delivery="inbox")
    unreadable(service, router)
    service.clock.now += age

    def lost(*_: object) -> None:
        raise LostClaim("taken over")

    for verb in ("finish", "suspend"):
        monkeypatch.setattr(MemoryStore, verb, lost)
    assert (1, 0, 1, 0) == service.rescue(router)
