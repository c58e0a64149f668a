"""The table and its two indexes: what they must be, and how they are made."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._dynamodb._aws import AWS_ERRORS
from stripe_events.storage._dynamodb._errors import misfit, told

if TYPE_CHECKING:
    from stripe_events.storage._dynamodb._calling import Table

_TYPES: Final = {"pk": "S", "sk": "S", "shard": "S", "waiting": "N", "seen": "S"}
_KEYS: Final = ("pk", "sk")
_INDEXES: Final = {"waiting": ("shard", "waiting"), "seen": ("shard", "seen")}
_PROJECTIONS: Final[dict[str, dict[str, Any]]] = {
    "waiting": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["seen"]},
    "seen": {"ProjectionType": "KEYS_ONLY"},
}
_WAIT: Final = {"Delay": 1, "MaxAttempts": 300}


def create(table: Table, *, expiring: bool) -> None:
    """Make the table unless it is there, and wait until it can be used."""
    client = table.client()
    try:
        with suppress(client.exceptions.ResourceInUseException):
            client.create_table(TableName=table.name, **definition())
        client.get_waiter("table_exists").wait(TableName=table.name, WaiterConfig=_WAIT)
        if expiring:
            _let_expire(client, table.name)
    except AWS_ERRORS as error:
        raise told(error, table.name) from error
    check(table)


def definition() -> dict[str, Any]:
    """Give what ``CreateTable`` takes besides the name."""
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in _TYPES.items()
        ],
        "KeySchema": _key_schema(_KEYS),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": _key_schema(keys),
                "Projection": _PROJECTIONS[index],
            }
            for index, keys in _INDEXES.items()
        ],
    }


def check(table: Table) -> None:
    """
    Look whether the table is one of the store's; skipped where the role may not.

    Raises:
        ConfigurationError: it is missing, or has other keys or indexes.
    """
    try:
        described = table.call("describe_table")["Table"]
    except StoreError as error:
        if "AccessDenied" in str(error):
            return
        raise
    indexes = {
        index["IndexName"]: index["KeySchema"]
        for index in described.get("GlobalSecondaryIndexes", [])
    }
    for name, keys in _INDEXES.items():
        if indexes.get(name) != _key_schema(keys):
            raise ConfigurationError(
                f"DynamoDB table {table.name}: {misfit(f'index {name} on {keys}')}"
            )
    if described["KeySchema"] != _key_schema(_KEYS):
        raise ConfigurationError(f"DynamoDB table {table.name}: {misfit(f'keys {_KEYS}')}")


def _key_schema(keys: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
    ]


def _let_expire(client: Any, name: str) -> None:
    described = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if described["TimeToLiveStatus"] in ("ENABLED", "ENABLING"):
        return
    wanted = {"Enabled": True, "AttributeName": "expires"}
    try:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=wanted)
    except AWS_ERRORS as error:
        if "already enabled" not in str(error):  # by somebody else, this moment
            raise
