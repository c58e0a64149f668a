"""A handler whose own transaction was rolled back is not done, whatever it makes of that."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events.errors import LostClaim
from stripe_events.events import ChargeSucceeded
from stripe_events.observers import Failed, LateError
from stripe_events.storage import SQLiteStore
from tests.unit.deliveries import NOW, deliver, router, snapshot
from tests.unit.recorded import LEASE, Handler
from tests.unit.waiting import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stripe_events import Context
    from tests.unit.recorded_sql import SQLService


class Shop:
    """A database with credits, each of which may be there once, and the ledger beside them."""

    def __init__(self, path: Path) -> None:
        """Make the tables."""
        self.path = path
        self.store = SQLiteStore(path, clock=lambda: NOW)
        self.router: EventRouter = router(store=self.store)
        with closing(self.connect()) as connection:
            connection.execute("CREATE TABLE credits (event TEXT UNIQUE)")

    def connect(self) -> sqlite3.Connection:
        """Give a connection of the application's own."""
        return sqlite3.connect(self.path, isolation_level=None)

    def credits(self) -> list[str]:
        """Give what was credited."""
        with closing(self.connect()) as connection:
            return [event for (event,) in connection.execute("SELECT event FROM credits")]

    def on_charge(self, handler: Callable[[Any, Context], None], **options: Any) -> None:
        """Let a handler credit."""
        self.router.on(ChargeSucceeded, name="credit", **options)(handler)

    def outcome(self, event_id: str = "evt_1") -> str:
        """Give what the ledger says of the handler."""
        stored = self.store.get("default", event_id)
        assert stored is not None
        return stored.record.handlers[0].outcome


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a shop, and close what it has opened."""
    made = Shop(tmp_path / "shop.db")
    yield made
    made.router.close(wait=0)
    made.store.close()


def test_a_handler_that_goes_on_after_a_rollback_has_failed(shop: Shop) -> None:
    """A statement rolled the whole transaction back, and the handler logs all errors."""

    def credit(event: Any, ctx: Context) -> None:
        with suppress(Exception), ctx.transaction(shop.store) as connection:
            connection.execute("INSERT INTO credits VALUES (?)", (event.id,))
            with suppress(sqlite3.IntegrityError):
                connection.execute("INSERT OR ROLLBACK INTO credits VALUES (?)", (event.id,))

    shop.on_charge(credit)

    assert Outcome.FAILED == deliver(shop.router, snapshot()).outcome
    assert ([], "failed") == (shop.credits(), shop.outcome())


def test_a_handler_that_lets_go_of_its_own_error_is_done(shop: Shop) -> None:
    """It knows what it does: the effect was there already, say."""

    def credit(event: Any, ctx: Context) -> None:
        with suppress(sqlite3.IntegrityError), ctx.transaction(shop.store) as connection:
            connection.execute("INSERT INTO credits VALUES ('before')")

    shop.on_charge(credit)
    with closing(shop.connect()) as connection:
        connection.execute("INSERT INTO credits VALUES ('before')")

    assert Outcome.HANDLED == deliver(shop.router, snapshot()).outcome
    assert (["before"], "succeeded") == (shop.credits(), shop.outcome())


def test_a_stale_snapshot_that_was_rolled_back_is_skipped(shop: Shop) -> None:
    """A newer one was handled while this handler ran, in a transaction of its own."""

    def credit(event: Any, ctx: Context) -> None:
        if event.id == "evt_1":
            deliver(shop.router, snapshot(id="evt_2", created=NOW + 1))
        with closing(shop.connect()) as connection:  # which rolls back what is not committed
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO credits VALUES (?)", (event.id,))
            ctx.complete_on(connection)
            connection.execute("COMMIT")

    shop.on_charge(credit, stale="skip")

    assert Outcome.HANDLED == deliver(shop.router, snapshot()).outcome
    assert ["evt_2"] == shop.credits()
    assert ("skipped", "succeeded") == (shop.outcome("evt_1"), shop.outcome("evt_2"))


def test_a_handler_that_was_given_up_meanwhile_is_not_told_as_done(bank: SQLService) -> None:
    """Nobody claims the event, for nothing is left of it; its writes are rolled back anyway."""

    def given_up() -> None:
        bank.clock.now += LEASE
        taker = bank.code({"a": Handler()}, max_abandoned=1)
        outcomes.append(bank.threads.submit(bank.deliver, taker).result(LIMIT).outcome)

    outcomes: list[Outcome] = []

    response = bank.deliver(bank.code({"a": bank.crediting(given_up)}))

    assert isinstance(response.error, LostClaim)
    assert ([Outcome.DEAD], [], {"a": "dead"}) == (outcomes, bank.credits(), bank.outcomes())
    assert [[], 1] == [bank.told_of(LateError), len(bank.told_of(Failed))]
