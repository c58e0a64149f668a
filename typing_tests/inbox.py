"""What type checkers know about the inbox: deliveries, hand-off, retries. Never run."""

from __future__ import annotations

from typing import assert_type

from stripe_events import EventHandler, EventRouter, Retry, WebhookResponse
from stripe_events.events import ChargeSucceeded, InvoicePaid
from stripe_events.notifications import V1ChargeSucceeded
from stripe_events.observers import Overdue
from stripe_events.storage import AsyncPostgresStore, MemoryStore

store = MemoryStore()
later_store = AsyncPostgresStore("postgresql://")


class Job:
    """What queues give for a job."""


def put(event_id: str) -> Job:
    return Job()


async def aput(event_id: str) -> Job:
    return Job()


def by_number(number: int) -> None: ...


router = EventRouter(
    "whsec_x",
    store=store,
    delivery="inbox",
    inline=[InvoicePaid, V1ChargeSucceeded, "charge.*"],
    dispatch=put,
    dispatch_grace=30,
    retry=Retry(attempts=3, age=86_400.0, first=1.0, most=60.0),
)
EventRouter("whsec_x", store=store, delivery="inline", inline=(), dispatch=None, retry=None)
EventRouter("whsec_x", store=later_store, delivery="inbox", dispatch=aput)
EventRouter("whsec_x", store=store, delivery="inbox", dispatch=lambda event_id: put(f"{event_id}"))
EventRouter("whsec_x", store=store, delivery="inbox", order_by="object")

EventRouter("whsec_x", store=store, delivery="outbox")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, inline=[5])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, inline=InvoicePaid)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, dispatch="celery")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, dispatch=by_number)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, dispatch_grace="60")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
EventRouter("whsec_x", store=store, retry=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Retry(attempts="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Retry(tries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


@router.on(ChargeSucceeded, delivery="inline", retry=Retry(attempts=1))
def now(event: ChargeSucceeded) -> None: ...


@router.on("charge.*", name="pattern", delivery="inbox")
async def later(event: object) -> None: ...


@router.on_any(name="any", delivery="inbox", retry=Retry())
def anything(event: object) -> None: ...


@router.fallback(name="rest", delivery="inbox")
def rest(event: object) -> None: ...


class Fulfil(EventHandler[InvoicePaid]):
    """A handler that is a class."""

    def __call__(self, event: InvoicePaid, ctx: object, /) -> None:
        """Be run."""


router.register(Fulfil(), delivery="inbox", retry=Retry(most=60.0))


@router.on(ChargeSucceeded, name="a", delivery="outbox")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def misspelt(event: ChargeSucceeded) -> None: ...


@router.on(ChargeSucceeded, name="b", retry=3)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType, reportCallIssue, reportUntypedFunctionDecorator]
def numbered(event: ChargeSucceeded) -> None: ...


async def jobs_have_types() -> None:
    assert_type(router.run("evt_1"), WebhookResponse)
    assert_type(await router.arun("evt_1", time_limit=60.0), WebhookResponse)
    router.run(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    router.run("evt_1", 60.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type(router.overdue(), Overdue)
    assert_type(Retry().delay(3), float)
    assert_type(Retry().is_over(3, 60.0), bool)
    assert_type(Retry().attempts, int)
