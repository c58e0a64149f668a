"""``EventRouter.process``: trusted input is routed without a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Context, EventRouter, Outcome
from stripe_events.errors import HandlerError, MalformedPayload, UsageError
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Rejected
from tests.unit.deliveries import encode, snapshot, thin
from tests.unit.test_envelope import event_bridge, event_grid

if TYPE_CHECKING:
    from stripe_events import AnyEvent


@pytest.fixture
def seen() -> list[tuple[str, str | None]]:
    """Give an empty list of what was handled."""
    return []


@pytest.fixture
def router(seen: list[tuple[str, str | None]]) -> EventRouter:
    """Give a router without secrets that notes what it handles."""
    to = EventRouter()

    @to.on_any
    def note(event: AnyEvent, ctx: Context) -> None:
        seen.append((event.type, ctx.secret))

    return to


@pytest.mark.parametrize("wrap", [dict, event_bridge, event_grid])
@pytest.mark.parametrize("event", [snapshot(), thin(), snapshot("added.tomorrow")])
def test_trusted_input_is_routed(
    router: EventRouter, seen: list[Any], wrap: Any, event: dict[str, Any]
) -> None:
    """In either envelope or in none, parsed or as JSON; no secret is named."""
    payload = wrap(event)
    responses = [router.process(form) for form in (payload, encode(payload))]
    assert [(Outcome.HANDLED, 200, event["id"])] * 2 == [
        (response.outcome, response.status, response.event_id) for response in responses
    ]
    assert [(event["type"], None)] * 2 == seen


def test_the_account_is_stripes_and_not_the_clouds() -> None:
    """The envelope's is the number of an AWS account."""
    to, accounts = EventRouter(), []
    to.on(ChargeSucceeded)(lambda event: accounts.append(event.account))
    to.process(event_bridge(snapshot(account="acct_1")))
    to.process(event_bridge(snapshot()))
    assert ["acct_1", None] == accounts


@pytest.mark.parametrize(
    "payload",
    [
        event_bridge(snapshot(), source="aws.events"),
        event_bridge(snapshot(), **{"detail-type": "invoice.paid"}),
        event_bridge(event_bridge(snapshot()) | {"type": "charge.succeeded"}),
        event_bridge(snapshot(data=None)),
        event_grid(snapshot(id=None)),
        event_grid(snapshot(), source="/providers/other/"),
        snapshot(data={"object": []}),
        {},
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_is_no_event_of_stripes_is_malformed(
    router: EventRouter, seen: list[Any], payload: Any
) -> None:
    """Nothing runs; observers are told."""
    told: list[Any] = []
    router.observe(Rejected)(told.append)
    response = router.process(payload)
    assert (Outcome.MALFORMED, 400, []) == (response.outcome, response.status, seen)
    assert [MalformedPayload] == [type(record.error) for record in told]


@pytest.mark.parametrize("payload", [None, 5, [snapshot()], object()])
def test_what_is_neither_json_nor_object_is_a_mistake(router: EventRouter, payload: Any) -> None:
    """The program gave something that can be no event."""
    with pytest.raises(UsageError, match=type(payload).__name__):
        router.process(payload)


def test_failures_are_the_same_as_of_a_webhook(router: EventRouter) -> None:
    """Whoever called may raise the error, so that the queue delivers again."""

    @router.on(ChargeSucceeded, name="failing")
    def fail(event: ChargeSucceeded) -> None:
        raise ValueError("boom")

    response = router.process(snapshot())
    assert isinstance(response.error, HandlerError)
    assert (Outcome.FAILED, ("failing",)) == (response.outcome, response.error.handlers)


def test_the_other_livemode_is_ignored() -> None:
    """The guard is for every way in."""
    to = EventRouter(expect_livemode=True)
    to.on_any(print)
    assert Outcome.IGNORED is to.process(snapshot()).outcome


def test_a_closed_router_processes_nothing_more(router: EventRouter, seen: list[Any]) -> None:
    """The event is left to another process."""
    router.close(wait=0)
    assert (Outcome.DRAINING, []) == (router.process(snapshot()).outcome, seen)
