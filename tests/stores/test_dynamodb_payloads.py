"""Payloads that are too large for an item of DynamoDB are kept in several, whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import StoreError
from stripe_events.storage import Claimed, DynamoDBStore, Enqueued, EventRecord, Held, Query
from stripe_events.storage._dynamodb import _payloads
from stripe_events.testing._contract.making import arrival, succeeded
from tests.stores.clock import Clock
from tests.stores.dynamodb_faults import DiedError, answers_lost, died_before, hooked, operation_of

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer

MEGABYTE = os.urandom(1_000_000)
DAYS = 86_400.0


def settle(store: DynamoDBStore, told: object) -> None:
    """Let the only handler of an event that was claimed succeed."""
    assert isinstance(told, Claimed)
    store.finish(told.claim, succeeded("a"))


def items(client: Any, name: str) -> list[Any]:
    """Give all that is in a table."""
    pages = client.get_paginator("scan").paginate(TableName=name)
    return [item for page in pages for item in page["Items"]]


def pieces(client: Any, name: str) -> list[bytes]:
    """Give the pieces of payloads in a table."""
    return [item["part"]["B"] for item in items(client, name) if "part" in item]


def test_a_megabyte_is_kept_byte_for_byte(dynamodb_server: DynamoDBServer) -> None:
    """Give back what no item could hold, while the event's own item stays small."""
    client, name = dynamodb_server.shared, dynamodb_server.new_name()
    store = dynamodb_server.new_store(name)
    store.enqueue(arrival(payload=MEGABYTE))
    (taken,) = store.take_due("default", arrival().code, "mine", 60.0, 10)
    assert MEGABYTE == taken.payload
    sizes = [len(part) for part in pieces(client, name)]
    assert (3, True) == (len(sizes), max(sizes) < 400_000)
    stored = store.get("default", "evt_1")
    assert MEGABYTE == (stored and stored.payload)


def test_what_compresses_well_needs_no_other_item(dynamodb_server: DynamoDBServer) -> None:
    """Keep the usual payload in the event's item, and so record it in one request."""
    name = dynamodb_server.new_name()
    store = dynamodb_server.new_store(name)
    store.accept(arrival(payload=b'{"object": "charge"}' * 1_000), 60.0)
    assert 1 == len(items(dynamodb_server.shared, name))


@pytest.mark.parametrize("written", range(4))
def test_a_crash_between_any_two_writes_loses_nothing(
    dynamodb_server: DynamoDBServer, written: int
) -> None:
    """Believe nothing of a payload before its event is there; the next delivery writes all."""
    client, name = dynamodb_server.client(), dynamodb_server.new_name()
    store = dynamodb_server.new_store(name)
    dying = DynamoDBStore(name, client=client)
    with died_before(client, written), pytest.raises(DiedError):
        dying.accept(arrival(payload=MEGABYTE), 60.0)
    assert written == len(pieces(client, name))
    assert (None, []) == (store.get("default", "evt_1"), store.list("default"))
    settle(store, store.accept(arrival(payload=MEGABYTE), 60.0))
    stored = store.get("default", "evt_1")
    assert MEGABYTE == (stored and stored.payload)
    assert 1 == store.erase("default", Query())
    assert [] == pieces(client, name)


def test_whoever_records_second_takes_its_pieces_back(dynamodb_server: DynamoDBServer) -> None:
    """Keep the payload of the first of two deliveries that write at the same moment."""
    client, name = dynamodb_server.client(), dynamodb_server.new_name()
    first = dynamodb_server.new_store(name)
    second = DynamoDBStore(name, client=client)
    came: list[object] = []

    def overtake(request: Any, **_: Any) -> None:
        if operation_of(request) == "PutItem" and not came:
            came.append(first.accept(arrival(payload=MEGABYTE), 60.0))

    with hooked(client, "before-send", overtake):
        told = second.accept(arrival(payload=b"2" + MEGABYTE), 60.0)
    assert (Claimed, Held) == (type(came[0]), type(told))
    assert 3 == len(pieces(client, name))
    stored = first.get("default", "evt_1")
    assert MEGABYTE == (stored and stored.payload)


def test_what_an_event_names_is_not_taken_back(dynamodb_server: DynamoDBServer) -> None:
    """Keep a payload whose event was written, though nothing says any more by whom."""
    client, name = dynamodb_server.client(), dynamodb_server.new_name()
    other = dynamodb_server.new_store(name)
    store = DynamoDBStore(name, client=client)
    came: list[object] = []

    def change(request: Any, **_: Any) -> None:
        if lost and not came:
            came.append(other.enqueue(arrival("evt_1", "a", "b")))

    # The first three are the pieces.
    losing = answers_lost(client, "PutItem", after=3)
    with losing as lost, hooked(client, "before-send", change):
        told = store.accept(arrival(payload=MEGABYTE), 60.0)
    assert (Claimed, [Enqueued()]) == (type(told), came)
    stored = store.get("default", "evt_1")
    assert MEGABYTE == (stored and stored.payload)


def test_pieces_are_forgotten_with_their_event(dynamodb_server: DynamoDBServer) -> None:
    """Leave nothing but the watermark."""
    name, clock = dynamodb_server.new_name(), Clock()
    store = dynamodb_server.new_store(name, clock=clock)
    settle(store, store.accept(arrival(payload=MEGABYTE), 60.0))
    clock.pass_(32 * DAYS)
    assert 1 == store.forget("default")
    left = [item["sk"]["S"] for item in items(dynamodb_server.shared, name)]
    assert ["key"] == left


def test_more_is_forgotten_than_a_transaction_takes(
    dynamodb_server: DynamoDBServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Take smaller steps where events have many pieces."""
    monkeypatch.setattr(_payloads, "_PIECE_BYTES", 500)
    clock = Clock()
    store = dynamodb_server.new_store(clock=clock)
    for number in range(12):
        event = arrival(f"evt_{number}", payload=os.urandom(4_000))
        settle(store, store.accept(event, 60.0))
    clock.pass_(32 * DAYS)
    assert [12, 0] == [store.forget("default", limit=50) for _ in range(2)]


def test_a_payload_that_no_transaction_could_erase_is_refused(
    dynamodb_server: DynamoDBServer,
) -> None:
    """Say so before anything is written."""
    name = dynamodb_server.new_name()
    store = dynamodb_server.new_store(name)
    with pytest.raises(StoreError, match="too large"):
        store.accept(arrival(payload=os.urandom(4_000_000)), 60.0)
    assert [] == items(dynamodb_server.shared, name)


def test_a_record_holds_no_payload(dynamodb_server: DynamoDBServer) -> None:
    """Give records that are the same whatever their payload is."""
    store = dynamodb_server.new_store()
    told = store.accept(arrival(payload=MEGABYTE), 60.0)
    assert isinstance(told, Claimed)
    assert isinstance(told.record, EventRecord)
    assert [told.record] == store.list("default")
