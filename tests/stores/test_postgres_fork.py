"""PostgreSQL stores in the children of a fork."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg

from stripe_events.storage import AsyncPostgresStore, Claimed, PostgresStore
from stripe_events.testing._contract.making import arrival
from tests.stores.postgres_ledgers import SUCCEEDED
from tests.stores.sqlite_files import end_of, in_child

PID = b"SELECT pg_backend_pid()"


def settle(store: PostgresStore, event_id: str) -> None:
    """Record and settle an event."""
    claimed = store.accept(arrival(event_id), 60.0)
    assert isinstance(claimed, Claimed)
    assert [] == store.extend([claimed.claim], 60.0)
    assert "done" == store.finish(claimed.claim, SUCCEEDED).state


def made(kind: str, source: Any) -> PostgresStore:
    """Give a store that has worked."""
    store = PostgresStore(source)
    store.create_schema()
    settle(store, f"evt_{kind}")
    return store


def test_a_child_connects_by_itself(postgres_dsn: str) -> None:
    """Parent and child go on side by side, whatever the parent had opened."""
    for kind, source in (
        ("dsn", postgres_dsn),
        ("function", lambda: psycopg.connect(postgres_dsn)),
    ):
        store = made(kind, source)
        with store.transaction(
            store.accept(arrival(f"evt_{kind}_parent"), 60.0).claim,  # type: ignore[union-attr]
            lambda: SUCCEEDED,
        ) as connection:
            pid = connection.execute(PID).fetchone()
            child = in_child(lambda store=store, kind=kind: settle(store, f"evt_{kind}_child"))
            assert 0 == end_of(child)
            assert pid == connection.execute(PID).fetchone()
        settle(store, f"evt_{kind}_after")
        store.close()


def test_closing_in_the_child_leaves_the_parents_connections(postgres_dsn: str) -> None:
    """A child that ends in good order says goodbye for itself only."""
    store = made("dsn", postgres_dsn)
    assert 0 == end_of(in_child(store.close))
    before = [connection.info.backend_pid for connection in store._pool.idle()]  # type: ignore[attr-defined]
    settle(store, "evt_after")
    assert before == [connection.info.backend_pid for connection in store._pool.idle()]  # type: ignore[attr-defined]
    store.close()


def test_an_async_store_begins_anew_in_a_child(postgres_dsn: str) -> None:
    """In an event loop of the child's own."""
    store = AsyncPostgresStore(postgres_dsn)

    async def settled(event_id: str) -> None:
        claimed = await store.accept(arrival(event_id), 60.0)
        assert isinstance(claimed, Claimed)
        assert "done" == (await store.finish(claimed.claim, SUCCEEDED)).state

    async def parent() -> None:
        await store.create_schema()
        await settled("evt_parent")

    def child() -> None:
        asyncio.run(settled("evt_child"))

    with asyncio.Runner() as runner:
        runner.run(parent())
        assert 0 == end_of(in_child(child))
        runner.run(settled("evt_after"))
        runner.run(store.close())
