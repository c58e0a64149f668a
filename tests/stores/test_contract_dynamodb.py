"""DynamoDBStore keeps the contract, over HTTP, on moto's server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from stripe_events.storage import DynamoDBStore
from stripe_events.testing import StoreContract
from tests.stores.clock import Clock

if TYPE_CHECKING:
    from tests.stores.dynamodb_server import DynamoDBServer


class TestDynamoDBStore(StoreContract):
    """All cases; a second handle is another store on the same table."""

    @pytest.fixture(autouse=True)
    def _server(self, dynamodb_server: DynamoDBServer) -> None:
        self.server = dynamodb_server
        self.client = dynamodb_server.shared
        self.clock = Clock()

    def make_store(self) -> DynamoDBStore:
        """Give a store on a new table."""
        self.name = self.server.new_name()
        store = self.another(None)
        store.create_table()
        return store

    def another(self, store: object) -> DynamoDBStore:
        """Give a store on the same table."""
        return DynamoDBStore(self.name, client=self.client, timeout=0.05, clock=self.clock)

    def advance(self, store: object, seconds: float) -> None:
        """Move the clock."""
        self.clock.now += seconds

    def break_database(self, store: object) -> None:
        """Let no request get there."""
        self.client.meta.events.register("before-send.dynamodb", self._cut_off, "cut off")

    def repair_database(self, store: object) -> None:
        """Let them pass."""
        self.client.meta.events.unregister("before-send.dynamodb", unique_id="cut off")

    def _cut_off(self, **_: Any) -> None:
        raise EndpointConnectionError(endpoint_url=self.server.endpoint)
