"""One ledger in DynamoDB, used by many at the same moment: threads, processes, whole routers."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Event, EventRouter
from stripe_events.errors import LostClaim
from stripe_events.storage import Claimed, DynamoDBStore
from stripe_events.testing import crash_everywhere
from stripe_events.testing._contract.making import arrival, code, succeeded
from stripe_events.testing._contract.racing import together
from tests.stores.dynamodb_faults import refused
from tests.stores.sqlite_files import end_of, in_child

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer

THREADS = 8


@pytest.fixture
def environment(dynamodb_server: DynamoDBServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 find the server as it would find AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynamodb_server.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def settle(store: DynamoDBStore, event_id: str) -> None:
    """Record and settle an event."""
    claimed = store.accept(arrival(event_id), 60.0)
    assert isinstance(claimed, Claimed)
    assert [] == store.extend([claimed.claim], 60.0)
    assert "done" == store.finish(claimed.claim, succeeded("a")).state


def test_threads_with_the_same_events_claim_each_once(dynamodb_server: DynamoDBServer) -> None:
    """Give each of twelve events to one of eight threads that all deliver all of them."""
    store = dynamodb_server.new_store()
    events = [f"evt_{number}" for number in range(12)]

    def deliver_all() -> list[str]:
        told = {one: store.accept(arrival(one), 60.0) for one in events}
        return [one for one, accepted in told.items() if isinstance(accepted, Claimed)]

    won = Counter(event for mine in together([deliver_all] * THREADS) for event in mine)
    assert Counter(events) == won


def test_workers_share_what_is_due(dynamodb_server: DynamoDBServer) -> None:
    """Give each due event to one of eight workers, and none of them an error."""
    store = dynamodb_server.new_store()
    for number in range(16):
        store.enqueue(arrival(f"evt_{number}"))

    def work(name: str) -> list[str]:
        done = []
        while taken := store.take_due("default", code("a"), name, 60.0, 5):
            for one in taken:
                store.finish(one.claimed.claim, succeeded("a"))
                done.append(one.claimed.claim.id)
        return done

    ran = together([partial(work, f"worker-{number}") for number in range(THREADS)])
    assert {f"evt_{number}": 1 for number in range(16)} == Counter(chain(*ran))


def test_threads_keep_the_order_of_a_key(dynamodb_server: DynamoDBServer) -> None:
    """Run the events of a key one at a time, oldest first, though eight take them."""
    store = dynamodb_server.new_store()
    order: list[float] = []
    for number in range(10):
        event = arrival(f"evt_{number}", order_key="k", created=float(number))
        store.enqueue(event)

    def work(name: str) -> None:
        for _ in range(10):
            for one in store.take_due("default", code("a"), name, 60.0, 5):
                order.append(one.claimed.record.created)
                store.finish(one.claimed.claim, succeeded("a"))

    while len(order) < 10:
        together([partial(work, f"worker-{number}") for number in range(3)])
    assert sorted(order) == order == [float(number) for number in range(10)]


@pytest.mark.usefixtures("environment")
def test_a_store_makes_its_own_client(dynamodb_server: DynamoDBServer) -> None:
    """Find AWS by the environment, and again after it was closed."""
    store = DynamoDBStore(dynamodb_server.new_name())
    store.create_table()
    settle(store, "evt_1")
    store.close()
    settle(store, "evt_2")
    store.close()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("own", [True, False])
def test_a_child_connects_by_itself(dynamodb_server: DynamoDBServer, own: bool) -> None:
    """Let parent and child go on side by side, with a client of the store's or a given one."""
    client: Any = None if own else dynamodb_server.client()
    store = DynamoDBStore(dynamodb_server.new_name(), client=client)
    store.create_table()
    settle(store, "evt_parent")
    parents = store._table.client()

    def work() -> None:
        settle(store, "evt_child")
        assert own == (store._table.client() is not parents)

    assert 0 == end_of(in_child(work))
    settle(store, "evt_after")
    assert parents is store._table.client()
    assert 3 == len(store.list("default"))
    store.close()


def test_a_crash_at_any_step_of_a_delivery_is_made_good(dynamodb_server: DynamoDBServer) -> None:
    """Abandon a delivery at each of its steps, and deliver again: all handlers succeed once."""
    router = EventRouter(secrets="whsec_test", store=dynamodb_server.new_store())
    ran: list[str] = []

    @router.on("charge.succeeded", name="first")
    def first(event: Event) -> None:
        ran.append("first")

    @router.on("charge.succeeded", name="second")
    def second(event: Event) -> None:
        ran.append("second")

    crash_everywhere(router, PAYLOAD)
    assert {"first", "second"} == set(ran)


PAYLOAD = {
    "id": "evt_1",
    "object": "event",
    "type": "charge.succeeded",
    "created": 1_760_000_000,
    "livemode": False,
    "api_version": "2025-09-30.clover",
    "data": {"object": {"id": "ch_1", "object": "charge", "amount": 2000}},
}


def test_a_plain_delivery_is_two_requests(dynamodb_server: DynamoDBServer) -> None:
    """Record and claim a new event in one, settle its handler in the other."""
    client = dynamodb_server.client()
    store = dynamodb_server.new_store(client=client)
    store.get("default", "evt_0")  # it has looked at the table
    with refused(client, "", 0) as came:
        claimed = store.accept(arrival(), 60.0)
        assert isinstance(claimed, Claimed)
        store.finish(claimed.claim, succeeded("a"))
    assert ["PutItem", "UpdateItem"] == came


def test_a_record_of_another_life_of_the_table_is_not_written_over(
    dynamodb_server: DynamoDBServer,
) -> None:
    """Refuse an owner whose event was lost, and recorded anew: its revision is the same."""
    name = dynamodb_server.new_name()
    store = dynamodb_server.new_store(name)
    old = store.accept(arrival(), 60.0)
    assert isinstance(old, Claimed)
    dynamodb_server.shared.delete_table(TableName=name)
    other = dynamodb_server.new_store(name)
    new = other.accept(arrival(), 60.0)
    assert isinstance(new, Claimed)
    assert old.record.revision == new.record.revision
    with pytest.raises(LostClaim):
        store.finish(old.claim, succeeded("a"))
    assert "done" == other.finish(new.claim, succeeded("a")).state
