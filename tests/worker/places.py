"""Where an inbox is; small enough to be given to a process."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, NamedTuple, TypeAlias

import boto3
import redis

from stripe_events.storage import (
    AsyncPostgresStore,
    AsyncRedisStore,
    DynamoDBStore,
    RedisStore,
)
from tests.stores.faults.places import Place

__all__ = ["AnyPlace", "DynamoDBPlace", "Place", "RedisPlace", "async_store"]


class RedisPlace(NamedTuple):
    """A Redis by its URL: effects are not committed with the ledger there."""

    kind: Literal["redis"]
    address: str

    def store(self, **options: Any) -> Any:
        """Give a store on it."""
        return RedisStore(self.address, **options)

    def create(self) -> None:
        """Let nothing be there."""
        with redis.Redis.from_url(self.address) as client:
            client.flushall()

    def effects(self) -> Counter[tuple[str, str]]:
        """Give none."""
        return Counter()


class DynamoDBPlace(NamedTuple):
    """A table of a DynamoDB by the address of its server."""

    kind: Literal["dynamodb"]
    address: str
    table: str

    def store(self, **options: Any) -> Any:
        """Give a store on it."""
        session = boto3.session.Session("key", "secret", region_name="eu-west-1")
        client = session.client("dynamodb", endpoint_url=self.address)
        return DynamoDBStore(self.table, client=client, **options)


AnyPlace: TypeAlias = Place | RedisPlace | DynamoDBPlace


def async_store(place: AnyPlace, **options: Any) -> Any:
    """Give an async store on a place that has one."""
    made = {"postgres": AsyncPostgresStore, "redis": AsyncRedisStore}[place.kind]
    return made(place.address, **options)
