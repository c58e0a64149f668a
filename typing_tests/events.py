"""What type checkers know about events. Never run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, assert_never, assert_type

import stripe

from stripe_events import (
    AnyEvent,
    Event,
    EventNotification,
    UnknownEvent,
    UnknownNotification,
    parse,
    verify,
)
from stripe_events.events import (
    AccountUpdated,
    ChargeSucceeded,
    CustomerSourceCreated,
    CustomerSubscriptionUpdated,
    InvoicePaid,
    OrderCreated,
)

if TYPE_CHECKING:
    from stripe_events.notifications import (
        V1BillingMeterErrorReportTriggered,
        V1ChargeSucceeded,
        V2CoreAccountIncludingRequirementsUpdated,
        V2CoreEventDestinationPing,
    )


def the_resource_has_its_class(event: ChargeSucceeded) -> None:
    assert_type(event.data.object, stripe.Charge)
    assert_type(event.data.previous, stripe.Charge)
    assert_type(event.data.object.amount, int)
    assert_type(event.data.previous_attributes, Mapping[str, Any])
    assert_type(event.created, datetime)
    assert_type(event.account, str | None)
    event.data.object.amont  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def several_classes_are_a_union(event: CustomerSourceCreated) -> None:
    assert_type(
        event.data.object, stripe.Account | stripe.BankAccount | stripe.Card | stripe.Source
    )


def retired_types_are_plain_objects(event: OrderCreated) -> None:
    assert_type(event.data.object, stripe.StripeObject)


def previous_is_the_same_class(event: CustomerSubscriptionUpdated) -> None:
    assert_type(event.data.previous, stripe.Subscription)
    assert_type(event.data.object.items, stripe.ListObject[stripe.SubscriptionItem])


def match_is_exhaustive(event: ChargeSucceeded | InvoicePaid | UnknownEvent) -> str:
    match event:
        case ChargeSucceeded():
            assert_type(event.data.object, stripe.Charge)
            return "charge"
        case InvoicePaid():
            assert_type(event.data.object, stripe.Invoice)
            return "invoice"
        case UnknownEvent():
            assert_type(event.type, str)
            return event.type
        case _:
            assert_never(event)


def a_missing_case_is_an_error(event: ChargeSucceeded | InvoicePaid) -> str:
    match event:
        case ChargeSucceeded():
            return "charge"
        case _:
            assert_never(event)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def the_type_narrows(event: ChargeSucceeded | InvoicePaid) -> None:
    assert_type(event.type, Literal["charge.succeeded", "invoice.paid"])
    if event.type == "charge.succeeded":
        assert_type(event, ChargeSucceeded)
    else:
        assert_type(event, InvoicePaid)


def isinstance_narrows_any_event(event: AnyEvent) -> None:
    if isinstance(event, AccountUpdated):
        assert_type(event.data.object, stripe.Account)
    elif isinstance(event, Event):
        assert_type(event.api_version, str | None)
    elif isinstance(event, UnknownNotification):
        assert_type(event.type, str)
    else:
        assert_type(event.created_ns, int)


def an_event_without_argument_is_any(event: Event) -> None:
    assert_type(event, Event[Any])
    event.data.object.whatever.it.takes()


def takes_any_resource(event: Event[stripe.StripeObject]) -> None:
    assert_type(event.data.object, stripe.StripeObject)


def the_resource_is_covariant(event: ChargeSucceeded) -> None:
    takes_any_resource(event)


def events_are_frozen(event: ChargeSucceeded) -> None:
    event.id = "evt_2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def fetches_have_their_classes(event: V1ChargeSucceeded, client: stripe.StripeClient) -> None:
    assert_type(event.type, Literal["v1.charge.succeeded"])
    assert_type(event.fetch_related_object(client), stripe.Charge)
    assert_type(event.fetch_event(client), stripe.events.V1ChargeSucceededEvent)


async def async_fetches_have_their_classes(
    event: V1BillingMeterErrorReportTriggered, client: stripe.StripeClient
) -> None:
    assert_type(await event.afetch_related_object(client), stripe.billing.Meter)
    whole = await event.afetch_event(client)
    assert_type(whole, stripe.events.V1BillingMeterErrorReportTriggeredEvent)
    assert_type(whole.data.developer_message_summary, str)


def names_with_brackets_have_classes(
    event: V2CoreAccountIncludingRequirementsUpdated, client: stripe.StripeClient
) -> None:
    assert_type(event.type, Literal["v2.core.account[requirements].updated"])
    assert_type(event.fetch_related_object(client), stripe.v2.core.Account)


def a_ping_is_about_its_destination(
    event: V2CoreEventDestinationPing, client: stripe.StripeClient
) -> None:
    assert_type(event.fetch_related_object(client), stripe.v2.core.EventDestination)


def a_notification_without_argument_is_any(
    event: EventNotification, client: stripe.StripeClient
) -> None:
    event.fetch_event(client).whatever.it.takes()


def verify_and_parse_give_events(body: bytes, headers: dict[str, str]) -> None:
    assert_type(verify(body, headers, secrets="whsec_x"), AnyEvent)
    assert_type(verify(body, "t=1,v1=00", secrets={"platform": "whsec_x"}), AnyEvent)
    assert_type(verify(body, [(b"stripe-signature", b"x")], secrets=["whsec_x"]), AnyEvent)
    assert_type(parse(body), AnyEvent)
    assert_type(parse({"id": "evt_1"}), AnyEvent)
