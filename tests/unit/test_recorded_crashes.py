"""The death of a process between any two effects of a delivery, and what is left of it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._delivery.context import Delivery
from stripe_events._delivery.recorded import resume
from stripe_events.events import ChargeSucceeded
from tests.unit.crashing import Crash, Invariants, drive, flow_of
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import HANDLE, LEASE, Service
from tests.unit.recorded_sql import CREDIT, SQLService

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from stripe_events import Context
    from stripe_events._delivery.flow import Flow

OVER = (Outcome.HANDLED, Outcome.DUPLICATE)

HANDLERS = ("block", "late", "joins", "failing", "plain")


def crediting(bank: SQLService, seen: list[str]) -> EventRouter:
    """
    Give code with each kind of handler.

    Three credit in a transaction of their own, one of which raises after it; one fails in its
    first attempt, one is plain. All write down that they ran.
    """

    def block(event: object, ctx: Context) -> None:
        seen.append("block")
        with ctx.transaction(bank.sql) as connection:
            connection.execute(CREDIT, ("block",))

    def late(event: object, ctx: Context) -> None:
        seen.append("late")
        with ctx.transaction(bank.sql) as connection:
            connection.execute(CREDIT, ("late",))
        raise ValueError("after the commit")

    def joins(event: object, ctx: Context) -> None:
        seen.append("joins")
        with closing(bank.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(CREDIT, ("joins",))
            ctx.complete_on(connection)
            connection.execute("COMMIT")

    def failing(event: object, ctx: Context) -> None:
        seen.append("failing")
        if seen.count("failing") == 1:
            raise ValueError("not now")

    handlers = (block, late, joins, failing, lambda event: seen.append("plain"))
    return bank.code(dict(zip(HANDLERS, handlers, strict=True)))


def delivered_until_over(service: Service, router: EventRouter, watch: Callable[[], None]) -> None:
    """Let Stripe come again until it is told that the event is done, each time a lease later."""
    for _ in range(5):
        service.clock.now += LEASE
        response = service.deliver(router)
        watch()
        assert response.status in (200, 500)
        if response.status == 200:
            assert response.outcome in OVER
            assert "done" == service.record().state
            return
    pytest.fail("it is never done")


class Banks:
    """Services with a database each, one after another."""

    def __init__(self, directory: Path) -> None:
        """Take where their files go."""
        self._directory = directory
        self._made = 0

    def open(self) -> AbstractContextManager[SQLService]:
        """Make one, to be closed."""
        directory = self._directory / str(self._made)
        directory.mkdir()
        self._made += 1
        return closing(SQLService(HANDLE, directory))


def read(service: Service) -> Any:
    """Give what reads the record of ``evt_1``, if there is one."""
    return lambda: service.record() if service.has() else None


def check_effects(bank: SQLService, seen: list[str]) -> None:
    """See that own transactions happened once, and the others at least once."""
    assert ["block", "joins", "late"] == sorted(bank.credits())
    assert dict.fromkeys(HANDLERS, "succeeded") == bank.outcomes()
    runs = {name: seen.count(name) for name in HANDLERS}
    assert all(1 <= runs[name] <= 2 for name in ("block", "late", "joins", "plain")), runs
    assert 2 <= runs["failing"] <= 3


def test_a_delivery_that_dies_anywhere_loses_nothing_and_does_nothing_twice(
    tmp_path: Path,
) -> None:
    """One crash, at each of its effects; then Stripe comes again."""
    banks = Banks(tmp_path)
    with banks.open() as bank:
        effects, _ = drive(flow_of(crediting(bank, [])), None)
    assert 14 <= effects

    for crash in Crash.everywhere(effects):
        with banks.open() as bank:
            seen: list[str] = []
            watch = Invariants(read(bank))
            drive(flow_of(crediting(bank, seen)), crash, watch)

            delivered_until_over(bank, crediting(bank, seen), watch)
            check_effects(bank, seen)


def rescue_of(bank: SQLService, seen: list[str]) -> Flow:
    """Let a process die with the event, and another take it that is to rescue it."""
    router = crediting(bank, seen)
    drive(flow_of(router), Crash(1, after=True))
    bank.clock.now += LEASE
    settings = router._compiled()
    ledger = settings.ledger
    assert ledger is not None
    (one,) = bank.sql.take_due("default", ledger.code, "rescuer", LEASE, 1)
    return resume(settings, ledger, one, Delivery(NOW, None, 900.0))


def test_a_rescue_that_dies_anywhere_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    """What a process had taken that was to rescue it is taken by the next."""
    banks = Banks(tmp_path)
    with banks.open() as bank:
        effects, _ = drive(rescue_of(bank, []), None)
    assert 13 <= effects

    for crash in Crash.everywhere(effects):
        with banks.open() as bank:
            seen: list[str] = []
            flow, watch = rescue_of(bank, seen), Invariants(read(bank))
            drive(flow, crash, watch)

            delivered_until_over(bank, crediting(bank, seen), watch)
            check_effects(bank, seen)


def plain(service: Service, seen: list[str]) -> EventRouter:
    """Give code whose handlers have no transactions: one answers, one fails first, one asks."""

    def failing(event: object, ctx: Context) -> None:
        seen.append("failing")
        if seen.count("failing") == 1:
            raise ValueError("not now")

    def answering(event: object, ctx: Context) -> None:
        seen.append("answering")
        ctx.respond({"answer": 1})

    def wanted(event: object) -> bool:
        seen.append("asked")
        if seen.count("asked") == 1:
            raise ValueError("not now")
        return True

    router = service.code({"failing": failing, "answering": answering})
    router.on(ChargeSucceeded, name="filtered", where=wanted)(lambda _: seen.append("filtered"))
    return router


def test_two_processes_that_die_anywhere_one_after_another_lose_nothing() -> None:
    """Each pair of crashes; the third process finishes."""
    with closing(Service()) as service:
        effects, _ = drive(flow_of(plain(service, [])), None)
    crashes = [None, *Crash.everywhere(effects)]

    for first in crashes:
        for second in crashes:
            with closing(Service()) as service:
                check_two(service, first, second)


def check_two(service: Service, first: Crash | None, second: Crash | None) -> None:
    """Let two processes die so, and see that those that come after them end it."""
    seen: list[str] = []
    watch = Invariants(read(service))
    response = None
    for crash in (first, second, None, None, None):
        _, response = drive(flow_of(plain(service, seen)), crash, watch)
        service.clock.now += LEASE

    assert response is not None
    assert (Outcome.DUPLICATE, b'{"answer": 1}') == (response.outcome, response.body)
    names = ("failing", "answering", "filtered")
    assert dict.fromkeys(names, "succeeded") == service.outcomes()
    assert all(1 <= seen.count(name) <= 4 for name in names), (first, second, seen)


def ordered(service: Service, seen: list[str]) -> EventRouter:
    """Give code that handles a charge's events in order, and writes them down."""

    def handler(event: Any) -> None:
        seen.append(event.id)

    return service.code({"a": handler, "b": handler}, order_by="object", order_inline=True)


def test_an_event_whose_process_dies_anywhere_keeps_its_place() -> None:
    """Its successor runs when it is settled, and never before."""
    later = snapshot(id="evt_2", created=NOW + 1)
    with closing(Service()) as service:
        effects, _ = drive(flow_of(ordered(service, [])), None)

    for crash in Crash.everywhere(effects):
        with closing(Service()) as service:
            seen: list[str] = []
            drive(flow_of(ordered(service, seen)), crash)
            recorded = service.has()
            drive(flow_of(ordered(service, seen), later), None)
            service.clock.now += LEASE
            for payload in (snapshot(), later):
                drive(flow_of(ordered(service, seen), payload), None)

            assert ("done", "done") == (service.record().state, service.record("evt_2").state)
            if recorded:
                assert seen == sorted(seen), crash
