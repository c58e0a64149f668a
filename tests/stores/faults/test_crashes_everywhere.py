"""``crash_everywhere`` over PostgreSQL, with a handler for each way to commit."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events import EventRouter
from stripe_events.storage import AsyncPostgresStore
from stripe_events.testing import acrash_everywhere, crash_everywhere
from tests.stores.faults.places import Place
from tests.unit.deliveries import snapshot
from tests.unit.waiting import aio

if TYPE_CHECKING:
    from stripe_events import Context
    from stripe_events.testing import Crash

ONCE = {("evt_1", "block"): 1, ("evt_1", "joined"): 1}
ROLLED_BACK = {
    "delivery 1: before the commit of block": {"block": 2, "joined": 1},
    "delivery 1: between complete_on() of joined and its commit": {"block": 1, "joined": 2},
}


@pytest.fixture
def postgres(postgres_dsn: str) -> Place:
    """Give a database with a ledger."""
    place = Place("postgres", postgres_dsn)
    place.create()
    return place


def clear(place: Place) -> None:
    """Have no effects."""
    with place.transaction() as connection:
        connection.execute("DELETE FROM effects")


def check(place: Place, crashes: list[Crash]) -> None:
    """See that every way to die was tried."""
    assert ROLLED_BACK == {one.point: one.runs for one in crashes if 2 in one.runs.values()}
    assert ONCE == place.effects()
    assert 21 == len(crashes)


def test_sync_handlers_have_their_effects_once(postgres: Place) -> None:
    """Wherever the process dies, and whichever answer is lost."""
    with closing(postgres.store()) as store:
        router = EventRouter(store=store)

        @router.on("charge.succeeded", name="block")
        def block(event: Any, ctx: Context) -> None:
            with ctx.transaction(store) as connection:
                postgres.effect(connection, event.id, "block")

        @router.on("charge.succeeded", name="joined")
        def joined(event: Any, ctx: Context) -> None:
            with postgres.transaction() as connection:
                postgres.effect(connection, event.id, "joined")
                ctx.complete_on(connection)

        crashes = crash_everywhere(
            router,
            snapshot(),
            fresh=lambda: clear(postgres),
            check=lambda: postgres.effects() == ONCE,
        )
    check(postgres, crashes)


def test_async_handlers_have_their_effects_once(postgres: Place) -> None:
    """On an event loop, too, with a store that is awaited."""

    async def main() -> list[Crash]:
        store = AsyncPostgresStore(postgres.address)
        router = EventRouter(store=store)

        @router.on("charge.succeeded", name="block")
        async def block(event: Any, ctx: Context) -> None:
            async with ctx.transaction(store) as connection:
                await postgres.effect(connection, event.id, "block")

        @router.on("charge.succeeded", name="joined")
        async def joined(event: Any, ctx: Context) -> None:
            async with await psycopg.AsyncConnection.connect(postgres.address) as connection:
                await postgres.effect(connection, event.id, "joined")
                await ctx.complete_on(connection)

        try:
            return await acrash_everywhere(
                router,
                snapshot(),
                fresh=lambda: clear(postgres),
                check=lambda: postgres.effects() == ONCE,
            )
        finally:
            await store.close()

    check(postgres, aio(main()))
