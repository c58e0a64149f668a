"""What DynamoDBStore does when AWS is busy, does not answer, or refuses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage import (
    Claim,
    Claimed,
    DynamoDBStore,
    ErrorRecord,
    Finished,
    HandlerResult,
    Release,
    Settled,
)
from stripe_events.testing._contract.making import arrival, code, failed, succeeded
from tests.stores.clock import Clock
from tests.stores.dynamodb_faults import answers_lost, hooked, refused

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer

THROTTLED = (
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TransactionConflictException",
)
DAYS = 86_400.0


@pytest.fixture
def client(dynamodb_server: DynamoDBServer) -> Any:
    """Give a client that only this test troubles."""
    return dynamodb_server.client()


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test moves."""
    return Clock()


@pytest.fixture
def store(dynamodb_server: DynamoDBServer, client: Any, clock: Clock) -> DynamoDBStore:
    """Give a store on a fresh table."""
    store = dynamodb_server.new_store(client=client, clock=clock)
    store.get("default", "evt_0")  # it has looked at the table
    return store


def claimed(told: object) -> Claimed:
    """Insist on a claim."""
    assert isinstance(told, Claimed)
    return told


@pytest.mark.parametrize("code", THROTTLED)
def test_what_is_throttled_is_tried_again(store: DynamoDBStore, client: Any, code: str) -> None:
    """Repeat a request that DynamoDB had no room for, or that met a transaction."""
    with refused(client, code, 2) as came:
        claimed(store.accept(arrival(), 60.0))
    assert ["PutItem"] * 3 == came


def test_errors_of_the_server_are_tried_again(store: DynamoDBStore, client: Any) -> None:
    """Repeat what failed by no fault of the request."""
    with refused(client, "InternalServerError", 2, status=500) as came:
        store.get("default", "evt_1")
    assert ["GetItem"] * 3 == came


def test_a_transaction_that_conflicts_is_tried_again(store: DynamoDBStore, client: Any) -> None:
    """Repeat a transaction that was cancelled for another one, or for want of room."""
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    code, only = "TransactionCanceledException", "TransactWriteItems"
    with refused(client, code, 2, only=only, CancellationReasons=reasons) as came:
        claimed(store.accept(arrival(order_key="k"), 60.0))
    assert [only] * 3 == came


def test_the_limit_holds_while_it_stays_busy(dynamodb_server: DynamoDBServer, client: Any) -> None:
    """Give up in time, with a StoreError that says why; nothing was written."""
    name = dynamodb_server.new_name()
    dynamodb_server.new_store(name)
    store = DynamoDBStore(name, client=client, timeout=0.1)
    store.get("default", "evt_1")
    with refused(client, "ThrottlingException", 1_000), pytest.raises(StoreError, match="too busy"):
        store.accept(arrival(), 60.0)
    assert store.get("default", "evt_1") is None


def test_no_part_of_a_batch_is_left_out(store: DynamoDBStore, client: Any) -> None:
    """Ask again for what a batch did not give."""
    for number in range(3):
        store.enqueue(arrival(f"evt_{number}"))
    held_back: list[Any] = []

    def hold_back(parsed: Any, **_: Any) -> None:
        ((table, found),) = parsed["Responses"].items()
        if found and not held_back:
            held_back.append(found.pop())
            key = {name: held_back[0][name] for name in ("pk", "sk")}
            parsed["UnprocessedKeys"] = {table: {"Keys": [key], "ConsistentRead": True}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", hold_back)
    assert 3 == len(store.list("default"))
    assert 1 == len(held_back)


def test_a_claim_whose_answer_was_lost_is_that_claim(store: DynamoDBStore, client: Any) -> None:
    """Know one's own write again when it is repeated."""
    with answers_lost(client, "PutItem") as lost:
        event = claimed(store.accept(arrival(), 60.0))
    assert ["PutItem"] == lost
    assert (1, 0) == (event.claim.token, event.record.abandoned)
    assert Finished("done") == store.finish(event.claim, succeeded("a"))


def test_a_transaction_whose_answer_was_lost_was_made(store: DynamoDBStore, client: Any) -> None:
    """Know it again by any of its items."""
    with answers_lost(client, "TransactWriteItems") as lost:
        event = claimed(store.accept(arrival(order_key="k"), 60.0))
    assert ["TransactWriteItems"] == lost
    with answers_lost(client, "TransactWriteItems"):
        told = store.finish(event.claim, succeeded("a"))
    assert Finished("done", settled_before=False) == told


def test_a_result_whose_answer_was_lost_counts_once(store: DynamoDBStore, client: Any) -> None:
    """Count one attempt, and hold no handler for settled before."""
    event = claimed(store.accept(arrival("evt_1", "a", "b"), 60.0))
    with answers_lost(client, "UpdateItem") as lost:
        told = store.finish(event.claim, failed("a"))
    assert (["UpdateItem"], Finished("claimed")) == (lost, told)
    stored = store.get("default", "evt_1")
    handler = stored and stored.record.handler("a")
    assert 1 == (handler and handler.attempts)


def test_a_heartbeat_between_does_not_hide_that_it_was_made(
    store: DynamoDBStore, client: Any
) -> None:
    """Leave the stamp alone when a lease is extended, so that the write is still known."""
    store.enqueue(arrival())
    lost_claims: list[Any] = []

    def beat(**_: Any) -> None:
        if lost and not lost_claims:
            lost_claims.append(None)  # its own request comes here too
            lost_claims.extend(store.extend([Claim("default", "evt_1", 1, "mine")], 60.0))

    with answers_lost(client, "UpdateItem") as lost, hooked(client, "before-send", beat):
        taken = store.take_due("default", code("a"), "mine", 60.0, 10)
    assert (1, [None]) == (len(taken), lost_claims)


def test_due_work_is_given_though_the_answer_was_lost(store: DynamoDBStore, client: Any) -> None:
    """Hand out what was claimed by a write whose answer got lost; else it waited a lease long."""
    store.enqueue(arrival())
    with answers_lost(client, "UpdateItem"):
        (taken,) = store.take_due("default", code("a"), "mine", 60.0, 10)
    assert "mine" == taken.claimed.claim.claim_id


def test_what_was_forgotten_counts_though_the_answer_was_lost(
    store: DynamoDBStore, client: Any, clock: Clock
) -> None:
    """Give how many were forgotten."""
    event = claimed(store.accept(arrival(), 60.0))
    store.finish(event.claim, succeeded("a"))
    clock.pass_(32 * DAYS)
    with answers_lost(client, "TransactWriteItems"):
        assert 1 == store.forget("default")


def test_an_inbox_whose_answer_was_lost_has_it_once(store: DynamoDBStore, client: Any) -> None:
    """Record once."""
    with answers_lost(client, "PutItem"):
        store.enqueue(arrival())
    assert 1 == len(store.take_due("default", code("a"), "mine", 60.0, 10))


def test_a_missing_table_is_told(dynamodb_server: DynamoDBServer) -> None:
    """Name what makes it."""
    store = DynamoDBStore("nowhere", client=dynamodb_server.shared)
    with pytest.raises(ConfigurationError, match=r"nowhere.*create_table\(\)"):
        store.get("default", "evt_1")


@pytest.mark.parametrize("keys", [("id",), ("pk", "sk")])
def test_a_table_with_other_keys_or_no_indexes_is_refused(
    dynamodb_server: DynamoDBServer, keys: tuple[str, ...]
) -> None:
    """Write nothing into a table of something else."""
    client, name = dynamodb_server.shared, dynamodb_server.new_name()
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
    )
    store = DynamoDBStore(name, client=client)
    for use in (store.create_table, lambda: store.get("default", "evt_1")):
        with pytest.raises(ConfigurationError, match="other keys or indexes"):
            use()


def test_a_role_that_may_not_describe_the_table_may_use_it(
    dynamodb_server: DynamoDBServer, client: Any
) -> None:
    """Do without the look at the keys."""
    name = dynamodb_server.new_name()
    dynamodb_server.new_store(name)
    with refused(client, "AccessDeniedException", 1) as came:
        claimed(DynamoDBStore(name, client=client).accept(arrival(), 60.0))
    assert ["DescribeTable", "PutItem"] == came


def test_a_role_that_may_not_write_is_told(store: DynamoDBStore, client: Any) -> None:
    """Repeat nothing that cannot succeed."""
    with (
        refused(client, "AccessDeniedException", 10) as came,
        pytest.raises(StoreError, match="the role may not"),
    ):
        store.accept(arrival(), 60.0)
    assert ["PutItem"] == came


def test_a_table_is_made_once(dynamodb_server: DynamoDBServer) -> None:
    """Leave a table alone that is there."""
    store = dynamodb_server.new_store()
    claimed(store.accept(arrival(), 60.0))
    store.create_table()
    assert store.get("default", "evt_1") is not None


def test_a_plan_too_large_for_an_item_is_refused(store: DynamoDBStore) -> None:
    """Say that the plan is too large, where 400 kB do not hold it though it is compressed."""
    names = [os.urandom(2_000).hex() for _ in range(250)]
    with pytest.raises(StoreError, match="400 kB"):
        store.accept(arrival("evt_1", *names), 60.0)


def test_what_is_wrong_with_a_part_of_a_transaction_is_told(
    store: DynamoDBStore, client: Any
) -> None:
    """Say why the part was refused, which the error itself does not."""
    reasons = [{"Code": "ValidationError", "Message": "Item size has exceeded the maximum"}]
    code, only = "TransactionCanceledException", "TransactWriteItems"
    with (
        refused(client, code, 9, only=only, CancellationReasons=reasons) as came,
        pytest.raises(StoreError, match="400 kB"),
    ):
        store.accept(arrival(order_key="k"), 60.0)
    assert [only] == came


def test_long_tracebacks_of_many_handlers_are_kept(store: DynamoDBStore) -> None:
    """Record failures of a hundred handlers with the longest texts there are."""
    names = [f"app.hooks:handler_{number}" for number in range(100)]
    line = '  File "/srv/app/h\xf6oks.py", line 10, in handler\n'
    error = ErrorRecord("ValueError", "\u2603" * 1_000, (line * 200)[:8_000])
    event = claimed(store.accept(arrival("evt_1", *names), 60.0))
    for name in names[:60]:
        store.finish(event.claim, HandlerResult(name, "failed", error))
    store.suspend(event.claim, Release(0.0, 0.0))
    stored = store.get("default", "evt_1")
    kept = stored and stored.record.handlers[59].error
    assert (error.message, error.traceback) == (kept and (kept.message, kept.traceback))


@pytest.mark.parametrize(
    "options", [{"timeout": -1.0}, {"timeout": float("inf")}, {"forget_after": 30 * DAYS}]
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    """Refuse them before anything is called."""
    with pytest.raises(ConfigurationError):
        DynamoDBStore("ledger", **options)  # type: ignore[arg-type]


def test_no_region_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say what to set where the environment names no region."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    with pytest.raises(ConfigurationError, match="AWS_DEFAULT_REGION"):
        DynamoDBStore("ledger").get("default", "evt_1")


def test_ledgers_share_a_table_by_their_prefixes(dynamodb_server: DynamoDBServer) -> None:
    """See nothing of a ledger with another prefix."""
    name = dynamodb_server.new_name()
    one = dynamodb_server.new_store(name, prefix="one")
    other = dynamodb_server.new_store(name, prefix="one#event")
    event = claimed(one.accept(arrival(), 60.0))
    one.finish(event.claim, succeeded("a"))
    claimed(other.accept(arrival(), 60.0))
    assert Settled("done") == one.accept(arrival(), 60.0)
    assert [1, 1] == [len(store.list("default")) for store in (one, other)]
