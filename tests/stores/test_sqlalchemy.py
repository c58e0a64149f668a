"""SQLAlchemy sessions and the ledger in one database, sync and async."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from stripe_events import Context, EventRouter
from stripe_events.events import InvoicePaid
from stripe_events.storage import AsyncPostgresStore, PostgresStore, SQLiteStore
from stripe_events.testing import sign

if TYPE_CHECKING:
    from stripe_events import WebhookResponse

EXAMPLE = Path(__file__).parents[2] / "examples" / "sqlalchemy_session.py"
SECRET = "whsec_sqlalchemy"
INVOICE = {"id": "in_1", "object": "invoice", "customer": "cus_1", "amount_paid": 5}
BODY = json.dumps(
    {"id": "evt_1", "object": "event", "type": "invoice.paid", "data": {"object": INVOICE}}
).encode()
CREATE = text("CREATE TABLE credits (account TEXT, amount INTEGER)")
INSERT = text("INSERT INTO credits VALUES ('cus_1', 5)")
COUNT = text("SELECT count(*) FROM credits")


def url(dsn: str) -> str:
    """Give a DSN as SQLAlchemy writes it."""
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)


def begin_immediate(connection: Any) -> None:
    """Begin SQLite's transactions as writers; the driver is told to begin none by itself."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@pytest.fixture(params=["sqlite", "postgres"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Give an engine and a store on one database of either kind."""
    if request.param == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path / 'app.db'}")
        event.listen(engine, "connect", lambda made, _: setattr(made, "isolation_level", None))
        event.listen(engine, "begin", begin_immediate)
        store: Any = SQLiteStore(tmp_path / "app.db")
    else:
        dsn = request.getfixturevalue("postgres_dsn")
        engine, store = create_engine(url(dsn)), PostgresStore(dsn)
        store.create_schema()
    with engine.begin() as connection:
        connection.execute(CREATE)
    yield engine, store
    engine.dispose()
    store.close()


def deliver_twice(router: EventRouter) -> list[str]:
    """Give the outcomes of two deliveries of the same event."""
    headers = sign(BODY, SECRET)
    outcomes = [router.handle(BODY, headers).outcome.value for _ in range(2)]
    router.close()
    return outcomes


def test_a_session_commits_effect_and_completion_together(both: Any) -> None:
    """The handler's session holds both; the second delivery is a duplicate."""
    engine, store = both
    router = EventRouter(SECRET, store=store)

    @router.on(InvoicePaid, name="credit")
    def credit(event: InvoicePaid, ctx: Context) -> None:
        with Session(engine) as session, session.begin():
            session.execute(INSERT)
            driver: Any = session.connection().connection.driver_connection
            ctx.complete_on(driver)

    assert ["handled", "duplicate"] == deliver_twice(router)
    with engine.connect() as connection:
        assert 1 == connection.execute(COUNT).scalar()


def test_a_session_that_is_not_committed_has_failed(both: Any) -> None:
    """Closing it rolls both back; the next delivery runs the handler again."""
    engine, store = both
    router = EventRouter(SECRET, store=store)

    @router.on(InvoicePaid, name="credit")
    def credit(event: InvoicePaid, ctx: Context) -> None:
        with Session(engine) as session:
            session.execute(INSERT)
            driver: Any = session.connection().connection.driver_connection
            ctx.complete_on(driver)
            if ctx.attempt == 2:
                session.commit()

    assert ["failed", "handled"] == deliver_twice(router)
    with engine.connect() as connection:
        assert 1 == connection.execute(COUNT).scalar()


def test_an_async_session_commits_effect_and_completion_together(postgres_dsn: str) -> None:
    """On an async connection, the completion is awaited."""

    async def main() -> tuple[list[str], Any]:
        engine = create_async_engine(url(postgres_dsn))
        store = AsyncPostgresStore(postgres_dsn)
        await store.create_schema()
        router = EventRouter(SECRET, store=store)

        @router.on(InvoicePaid, name="credit")
        async def credit(event: InvoicePaid, ctx: Context) -> None:
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(INSERT)
                raw = await (await session.connection()).get_raw_connection()
                driver: Any = raw.driver_connection
                await ctx.complete_on(driver)

        async with engine.begin() as connection:
            await connection.execute(CREATE)
        answers: list[WebhookResponse] = [
            await router.ahandle(BODY, sign(BODY, SECRET)) for _ in range(2)
        ]
        async with engine.connect() as connection:
            credited = (await connection.execute(COUNT)).scalar()
        await router.aclose()
        await store.close()
        await engine.dispose()
        return [answer.outcome.value for answer in answers], credited

    assert (["handled", "duplicate"], 1) == asyncio.run(main())


def test_the_example_credits_once(postgres_dsn: str) -> None:
    """Run as its docstring says, twice with the same delivery."""
    environment = {**os.environ, "STRIPE_WEBHOOK_SECRET": SECRET, "DATABASE_URL": postgres_dsn}
    signature = sign(BODY, SECRET)["Stripe-Signature"]
    told = [
        subprocess.run(
            [sys.executable, "-W", "error", EXAMPLE, signature],
            input=BODY,
            capture_output=True,
            check=True,
            env=environment,
        ).stdout.decode()
        for _ in range(2)
    ]
    assert [
        '200 {"outcome":"handled","event":"evt_1"}\n',
        '200 {"outcome":"duplicate","event":"evt_1"}\n',
    ] == told
    engine = create_engine(url(postgres_dsn))
    with engine.connect() as connection:
        assert 1 == connection.execute(COUNT).scalar()
    engine.dispose()
