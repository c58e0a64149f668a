"""What handlers do to their own transactions, and what isolation does to them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from stripe_events.errors import HandlerError, ProcessingError, StoreError
from stripe_events.observers import Handled, LateError
from tests.stores.faults.places import Place
from tests.unit.deliveries import deliver, router, snapshot

if TYPE_CHECKING:
    from stripe_events import Context, EventRouter, WebhookResponse

EVENT = snapshot()
ONCE = {("evt_1", "own"): 1}


def errors_of(response: WebhookResponse) -> list[Exception]:
    """Give what handlers have raised."""
    assert isinstance(response.error, HandlerError)
    return list(response.error.exceptions)


def extend_lease(ctx: Context, store: Any) -> None:
    """Do what a heartbeat does, at this moment."""
    assert ctx.completion is not None
    assert [] == store.extend([ctx.completion.claim], 30.0)


def test_a_rollback_after_complete_on_undoes_both(place: Place) -> None:
    """The handler returns as if all were well; it has failed, and runs again."""
    store = place.store()
    endpoint = router(store=store)

    @endpoint.on("charge.succeeded", name="own")
    def own(event: Any, ctx: Context) -> None:
        with place.transaction() as connection:
            place.effect(connection, event.id, "own")
            ctx.complete_on(connection)
            if ctx.attempt == 1:
                connection.rollback()

    with closing(store), closing(endpoint):
        (error,) = errors_of(deliver(endpoint, EVENT))
        assert isinstance(error, ProcessingError)
        assert "was not committed" in str(error)
        assert {} == place.effects()
        assert 200 == deliver(endpoint, EVENT).status
    assert ONCE == place.effects()


def test_what_is_raised_after_the_commit_is_a_late_error(place: Place) -> None:
    """So it is where the commit was made and its answer was lost: the effect is there."""
    store = place.store()
    endpoint = router(store=store)
    told: list[str] = []

    @endpoint.observe(LateError, Handled)
    def note(record: LateError | Handled) -> None:
        told.append(type(record).__name__)

    @endpoint.on("charge.succeeded", name="own")
    def own(event: Any, ctx: Context) -> None:
        with place.transaction() as connection:
            place.effect(connection, event.id, "own")
            ctx.complete_on(connection)
        raise ConnectionError("no answer to the commit")

    with closing(store), closing(endpoint):
        assert 200 == deliver(endpoint, EVENT).status
        stored = store.get("default", "evt_1")
        assert "ConnectionError" == stored.record.handlers[0].late_error.type
    assert ["LateError", "Handled"] == told
    assert ONCE == place.effects()


@pytest.fixture
def postgres(postgres_dsn: str) -> Place:
    """Give a database whose transactions are REPEATABLE READ unless they say otherwise."""
    Place("postgres", postgres_dsn).create()
    options = "-c default_transaction_isolation=repeatable\\ read"
    return Place("postgres", psycopg.conninfo.make_conninfo(postgres_dsn, options=options))


def repeatable(place: Place, *, beats_at: int) -> tuple[Any, EventRouter]:
    """Give a router whose handler completes itself under REPEATABLE READ."""
    store = place.store()
    endpoint = router(store=store)

    @endpoint.on("charge.succeeded", name="own")
    def own(event: Any, ctx: Context) -> None:
        with place.transaction() as connection:
            place.effect(connection, event.id, "own")
            if ctx.attempt == beats_at:
                extend_lease(ctx, store)
            ctx.complete_on(connection)

    return store, endpoint


def test_repeatable_read_is_refused_where_a_heartbeat_came_between(postgres: Place) -> None:
    """The user's transaction is rolled back, and the next attempt succeeds."""
    store, endpoint = repeatable(postgres, beats_at=1)
    with closing(store), closing(endpoint):
        (error,) = errors_of(deliver(endpoint, EVENT))
        assert isinstance(error, StoreError)
        assert "READ COMMITTED" in str(error)
        assert {} == postgres.effects()
        assert 200 == deliver(endpoint, EVENT).status
    assert ONCE == postgres.effects()


def test_repeatable_read_does_where_none_comes_between(postgres: Place) -> None:
    """Isolation by itself is no reason to refuse."""
    store, endpoint = repeatable(postgres, beats_at=0)
    with closing(store), closing(endpoint):
        assert 200 == deliver(endpoint, EVENT).status
    assert ONCE == postgres.effects()


def test_a_block_bears_heartbeats_whatever_the_session_says(postgres: Place) -> None:
    """``ctx.transaction()`` is READ COMMITTED."""
    store = postgres.store()
    endpoint = router(store=store)

    @endpoint.on("charge.succeeded", name="own")
    def own(event: Any, ctx: Context) -> None:
        with ctx.transaction(store) as connection:
            postgres.effect(connection, event.id, "own")
            extend_lease(ctx, store)

    with closing(store), closing(endpoint):
        assert 200 == deliver(endpoint, EVENT).status
    assert ONCE == postgres.effects()
