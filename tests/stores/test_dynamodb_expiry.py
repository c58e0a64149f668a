"""``forget_after``: DynamoDB deletes done events by itself, and the ledger knows that it may."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.storage import Claimed, DynamoDBStore, Expired
from stripe_events.testing._contract.making import CREATED, arrival, died, succeeded
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer

DAY = 86_400.0
LARGE = os.urandom(5_000)


class Expiring:
    """A ledger of which done events expire; moto deletes nothing, so this does."""

    def __init__(self, server: DynamoDBServer) -> None:
        self.client, self.name, self.clock = server.shared, server.new_name(), Clock()
        self.clock.now = CREATED + 10
        self.store = self.open(31 * DAY)
        self.store.create_table()

    def open(self, forget_after: float | None) -> DynamoDBStore:
        """Give a store on the table."""
        return DynamoDBStore(
            self.name, client=self.client, clock=self.clock, forget_after=forget_after
        )

    def expires(self) -> list[float]:
        """Give when items expire, of those that do."""
        items = self.client.scan(TableName=self.name)["Items"]
        return [float(item["expires"]["N"]) for item in items if "expires" in item]

    def pass_(self, seconds: float) -> None:
        """Let time pass, and delete what has expired."""
        self.clock.pass_(seconds)
        for item in self.client.scan(TableName=self.name)["Items"]:
            if "expires" in item and float(item["expires"]["N"]) < self.clock.now:
                key = {name: item[name] for name in ("pk", "sk")}
                self.client.delete_item(TableName=self.name, Key=key)

    def items(self) -> int:
        """Count items."""
        return int(self.client.scan(TableName=self.name)["Count"])

    def claim(self, event_id: str = "evt_1", **members: Any) -> Claimed:
        """Claim an event."""
        told = self.store.accept(arrival(event_id, **members), 60.0)
        assert isinstance(told, Claimed)
        return told

    def done(self, event_id: str = "evt_1", **members: Any) -> None:
        """Record an event that is done."""
        self.store.finish(self.claim(event_id, **members).claim, succeeded("a"))


@pytest.fixture
def ledger(dynamodb_server: DynamoDBServer) -> Expiring:
    """Give a fresh ledger."""
    return Expiring(dynamodb_server)


def test_create_table_turns_ttl_on(ledger: Expiring) -> None:
    """Let the table delete by the attribute, also when it is made again."""
    ledger.store.create_table()
    told = ledger.client.describe_time_to_live(TableName=ledger.name)["TimeToLiveDescription"]
    assert ("ENABLED", "expires") == (told["TimeToLiveStatus"], told["AttributeName"])


def test_done_events_expire_with_all_their_pieces(ledger: Expiring) -> None:
    """Leave nothing of an event that is done, 31 days after it was last seen."""
    ledger.done("evt_1")
    ledger.done("evt_2", payload=LARGE)
    assert 3 == ledger.items() == len(ledger.expires())
    ledger.pass_(30.9 * DAY)
    assert 3 == ledger.items()
    ledger.pass_(0.2 * DAY)
    assert 0 == ledger.items()


def test_nothing_else_expires(ledger: Expiring) -> None:
    """Keep what is unsettled or dead, for as long as it takes."""
    ledger.claim("evt_claimed", payload=LARGE)
    ledger.store.finish(ledger.claim("evt_dead").claim, died("a"))
    assert [] == ledger.expires()


def test_what_is_seen_again_expires_later(ledger: Expiring) -> None:
    """Count from the last delivery."""
    ledger.done(payload=LARGE)
    (before, _) = ledger.expires()
    ledger.clock.pass_(10 * DAY)
    ledger.store.accept(arrival(), 60.0)
    assert [before + 10 * DAY] * 2 == ledger.expires()


@pytest.mark.parametrize("forget_after", [31 * DAY, None])
def test_what_is_replayed_does_not_expire(ledger: Expiring, forget_after: float | None) -> None:
    """Keep an event and its payload that is to run again, also where the option was taken away."""
    ledger.done(payload=LARGE)
    ledger.open(forget_after).replay("default", "evt_1")
    assert [] == ledger.expires()
    ledger.pass_(100 * DAY)
    stored = ledger.store.get("default", "evt_1")
    assert LARGE == (stored and stored.payload)


def test_trusted_input_of_what_may_have_expired_is_not_run(ledger: Expiring) -> None:
    """Hold absent events of more than 31 days ago for handled, as after a forget."""
    ledger.done()
    ledger.pass_(32 * DAY)
    told = ledger.store.accept(arrival(trusted=True), 60.0)
    assert Expired() == told
    newer = ledger.claim("evt_2", trusted=True, created=ledger.clock.now - 30 * DAY)
    assert 1 == newer.claim.token
    signed = ledger.claim("evt_1")
    assert 1 == signed.claim.token


def test_an_event_from_the_future_expires_after_its_own_time(ledger: Expiring) -> None:
    """Delete no event that the watermark would not cover, whatever its clock said."""
    created = ledger.clock.now + 100 * DAY
    ledger.done(created=created)
    assert [created + 31 * DAY] == ledger.expires()


def test_forget_raises_the_stored_watermark_as_well(ledger: Expiring) -> None:
    """Go on with a watermark that no store has written yet, and then with the written one."""
    ledger.done()
    ledger.clock.pass_(32 * DAY)
    assert 1 == ledger.store.forget("default")
    ledger.done("evt_2")
    ledger.clock.pass_(32 * DAY)
    assert 1 == ledger.store.forget("default")
    plain = ledger.open(None)
    assert Expired() == plain.accept(arrival(trusted=True), 60.0)
