"""What a store has just recorded is not read again, and never rested on when it has changed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import LostClaim
from stripe_events.storage import Claimed, HandlerResult, Release, SQLiteStore
from stripe_events.storage._fresh import AT_MOST
from tests.stores.sqlite_files import SUCCEEDED, arrival, claim, query, state

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file that is not there yet."""
    return tmp_path / "a.db"


@pytest.fixture
def store(path: Path) -> SQLiteStore:
    """Give a store on it."""
    return SQLiteStore(path)


def test_the_first_result_reads_nothing(store: SQLiteStore) -> None:
    """It is one statement, which is its own transaction."""
    made = claim(store)
    statements: list[str] = []
    with store._connections.one() as connection:
        connection.set_trace_callback(statements.append)

    assert "done" == store.finish(made, SUCCEEDED).state

    (statement,) = statements
    assert statement.lstrip().startswith("UPDATE stripe_events_events")


def test_a_heartbeat_between_does_not_matter(store: SQLiteStore) -> None:
    """It raises the revision, so that the record is read."""
    made = claim(store)
    assert [] == store.extend([made], 60.0)

    assert "done" == store.finish(made, SUCCEEDED).state


def test_an_event_that_was_enqueued_meanwhile_is_settled_whole(
    store: SQLiteStore, path: Path
) -> None:
    """What others have written since is not written over."""
    made = claim(store)
    SQLiteStore(path).enqueue(arrival())

    assert "done" == store.finish(made, SUCCEEDED).state
    assert [("inbox", None)] == query(path, "SELECT lane, due FROM stripe_events_events")


def test_a_handler_that_was_not_planned_at_first_is_looked_for(
    store: SQLiteStore, path: Path
) -> None:
    """Newer code has let it join since."""
    made = claim(store)
    handlers = '[{"name":"handler"},{"name":"joined"}]'
    query(path, "UPDATE stripe_events_events SET handlers = ?, revision = 2", handlers)

    assert "claimed" == store.finish(made, HandlerResult("joined", "succeeded")).state


def test_a_claim_that_was_given_up_elsewhere_is_lost(store: SQLiteStore, path: Path) -> None:
    """Whatever this process remembers of it."""
    made = claim(store)
    SQLiteStore(path).give_back(made, Release(0.0, 0.0))

    with pytest.raises(LostClaim):
        store.finish(made, SUCCEEDED)


def test_an_event_that_was_recorded_anew_is_another_ones(store: SQLiteStore, path: Path) -> None:
    """In an older copy it was absent, and somebody else has it, with the same revision."""
    stale = claim(store)
    query(path, "DELETE FROM stripe_events_events")
    query(path, "DELETE FROM stripe_events_payloads")
    made = claim(SQLiteStore(path), claim_id="another")
    assert stale.token == made.token

    with pytest.raises(LostClaim):
        store.finish(stale, SUCCEEDED)
    assert "claimed" == state(store)


def test_a_completed_transaction_is_remembered_no_more(store: SQLiteStore) -> None:
    """A late error is then looked up like any other."""
    made = claim(store)
    with store.transaction(made, lambda: SUCCEEDED) as connection:
        assert isinstance(connection, sqlite3.Connection)

    assert 0 == len(store._fresh)
    assert store.finish(made, SUCCEEDED).settled_before


def test_only_what_was_absent_is_remembered(store: SQLiteStore) -> None:
    """Later claims have raised a revision that they do not know."""
    made = claim(store)
    store.give_back(made, Release(0.0, 0.0))

    again = store.accept(arrival(claim_id="again"), 60.0)

    assert isinstance(again, Claimed)
    assert again.claim not in store._fresh._records
    assert "done" == store.finish(again.claim, SUCCEEDED).state


def test_claims_that_never_end_are_forgotten(store: SQLiteStore) -> None:
    """Their number is bounded, and whoever was forgotten is read."""
    claims = [claim(store, f"evt_{number}") for number in range(AT_MOST + 5)]

    assert AT_MOST == len(store._fresh)
    assert "done" == store.finish(claims[0], SUCCEEDED).state
    assert "done" == store.finish(claims[-1], SUCCEEDED).state
