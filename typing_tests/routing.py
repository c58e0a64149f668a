"""What type checkers know about registration. Never run."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from typing import Any, assert_type

import stripe

from stripe_events import (
    AnyEvent,
    Context,
    Event,
    EventHandler,
    EventNotification,
    EventRouter,
    WebhookResponse,
    parse,
)
from stripe_events._registrars import Registrar
from stripe_events.events import (
    ChargeCaptured,
    ChargeExpired,
    ChargeFailed,
    ChargePending,
    ChargeRefunded,
    ChargeSucceeded,
    ChargeUpdated,
    CustomerCreated,
    InvoicePaid,
)
from stripe_events.notifications import V1ChargeSucceeded
from stripe_events.observers import Failed, Handled

router = EventRouter(secrets="whsec_x")


@router.on(ChargeSucceeded)
def plain(event: ChargeSucceeded) -> int:
    return event.data.object.amount


@router.on(ChargeSucceeded)
def with_context(event: ChargeSucceeded, ctx: Context) -> None:
    assert_type(ctx.remaining(), float)


@router.on(ChargeSucceeded)
async def awaited(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, timeout=5.0)
async def awaited_with_context(event: ChargeSucceeded, ctx: Context) -> str:
    return ctx.delivery_id


@router.on(ChargeSucceeded, InvoicePaid)
def two(event: ChargeSucceeded | InvoicePaid) -> None:
    assert_type(event.data.object, stripe.Charge | stripe.Invoice)


@router.on(
    ChargeSucceeded,
    ChargeFailed,
    ChargePending,
    ChargeRefunded,
    ChargeUpdated,
    ChargeCaptured,
    ChargeExpired,
    InvoicePaid,
)
def eight(
    event: ChargeSucceeded
    | ChargeFailed
    | ChargePending
    | ChargeRefunded
    | ChargeUpdated
    | ChargeCaptured
    | ChargeExpired
    | InvoicePaid,
    ctx: Context,
) -> None: ...


def every_count_gives_its_union() -> None:
    assert_type(router.on(ChargeSucceeded), Registrar[ChargeSucceeded])
    three = router.on(ChargeSucceeded, ChargeFailed, ChargePending)
    assert_type(three, Registrar[ChargeSucceeded | ChargeFailed | ChargePending])
    four = router.on(ChargeSucceeded, ChargeFailed, ChargePending, ChargeRefunded)
    assert_type(four, Registrar[ChargeSucceeded | ChargeFailed | ChargePending | ChargeRefunded])
    five = router.on(ChargeSucceeded, ChargeFailed, ChargePending, ChargeRefunded, ChargeUpdated)
    assert_type(
        five,
        Registrar[ChargeSucceeded | ChargeFailed | ChargePending | ChargeRefunded | ChargeUpdated],
    )
    six = router.on(
        ChargeSucceeded, ChargeFailed, ChargePending, ChargeRefunded, ChargeUpdated, ChargeCaptured
    )
    assert_type(
        six,
        Registrar[
            ChargeSucceeded
            | ChargeFailed
            | ChargePending
            | ChargeRefunded
            | ChargeUpdated
            | ChargeCaptured
        ],
    )
    seven = router.on(
        ChargeSucceeded,
        ChargeFailed,
        ChargePending,
        ChargeRefunded,
        ChargeUpdated,
        ChargeCaptured,
        ChargeExpired,
    )
    assert_type(
        seven,
        Registrar[
            ChargeSucceeded
            | ChargeFailed
            | ChargePending
            | ChargeRefunded
            | ChargeUpdated
            | ChargeCaptured
            | ChargeExpired
        ],
    )


@router.on(ChargeSucceeded, V1ChargeSucceeded)
def both_kinds(event: ChargeSucceeded | V1ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, InvoicePaid)
def wider_than_needed(event: AnyEvent) -> None: ...


@router.on(ChargeSucceeded)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def wrong_event(event: InvoicePaid) -> None: ...


@router.on(ChargeSucceeded, InvoicePaid)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def too_narrow(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def wrong_second(event: ChargeSucceeded, ctx: int) -> None: ...


@router.on(ChargeSucceeded)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def too_many(event: ChargeSucceeded, ctx: Context, more: int) -> None: ...


@router.on("issuing_*.created")
def by_pattern(event: Event) -> None: ...


@router.on("v1.charge.*", kind="thin")
def thin_by_pattern(event: EventNotification) -> None: ...


@router.on("brand.new", unlisted=True)
def unlisted(event: Event, ctx: Context) -> None: ...


@router.on_any
def every(event: AnyEvent) -> None: ...


@router.on_any(livemode=True)
def every_live(event: AnyEvent, ctx: Context) -> None: ...


@router.fallback
async def rest(event: AnyEvent) -> None: ...


@router.fallback(name="rest")
def named_rest(event: AnyEvent) -> None: ...


@router.on(CustomerCreated, where=lambda event: event.data.object.email is not None)
def filtered(event: CustomerCreated) -> None: ...


def is_large(event: ChargeSucceeded) -> bool:
    return event.data.object.currency == "usd"


@router.on(ChargeSucceeded, where=is_large, changed=["amount"], account="acct_1", livemode=True)
def filtered_by_all(event: ChargeSucceeded) -> None: ...


@router.on(InvoicePaid, where=is_large)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def filtered_by_the_wrong_event(event: InvoicePaid) -> None: ...


@router.on(InvoicePaid, chnged="status")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
def misspelt_option(event: InvoicePaid) -> None: ...


class Fulfil(EventHandler[InvoicePaid]):
    def __call__(self, event: InvoicePaid, ctx: Context) -> None:
        assert_type(event.data.object, stripe.Invoice)


class FulfilLater(EventHandler[ChargeSucceeded | InvoicePaid]):
    async def __call__(self, event: ChargeSucceeded | InvoicePaid, ctx: Context) -> None: ...


@router.register
class Decorated(EventHandler[InvoicePaid]):
    def __call__(self, event: InvoicePaid, ctx: Context) -> int:
        return event.data.object.amount_due


@router.middleware
def timed(event: AnyEvent, ctx: Context) -> Generator[None, Any, None]:
    yield


@router.middleware
async def traced(event: AnyEvent, ctx: Context) -> AsyncGenerator[None, Any]:
    yield


@router.observe(Failed, Handled)
def count(record: Failed | Handled) -> None:
    assert_type(record.seconds, float)


@router.observe(Failed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
def wrong_record(record: Handled) -> None: ...


def handlers_stay_callable(event: ChargeSucceeded, ctx: Context, paid: InvoicePaid) -> None:
    assert_type(plain(event), int)
    assert_type(plain, Callable[[ChargeSucceeded], int])
    with_context(event, ctx)
    Decorated()(paid, ctx)
    router.register(Fulfil(), name="fulfil")(paid, ctx)
    plain(paid)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def async_handlers_stay_callable(event: ChargeSucceeded, ctx: Context) -> None:
    assert_type(await awaited_with_context(event, ctx), str)
    assert_type(router.on(ChargeSucceeded)(two)(event), None)


async def answers_have_types(body: bytes) -> None:
    assert_type(router.handle(body, {"stripe-signature": "x"}), WebhookResponse)
    assert_type(await router.ahandle(body, [(b"stripe-signature", b"x")]), WebhookResponse)
    assert_type(router.process(body), WebhookResponse)
    assert_type(await router.aprocess({"id": "evt_1"}), WebhookResponse)
    assert_type(router.match(parse(body)), list[str])


def secrets_take_many_forms(ask: Callable[[], dict[str, str]], wait: Awaitable[str]) -> None:
    EventRouter(secrets=["whsec_a", "whsec_b"])
    EventRouter(secrets={"platform": "whsec_a"})
    EventRouter(secrets=ask)
    EventRouter(secrets=os.environ.get("SECRET"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EventRouter(secrets=wait)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
