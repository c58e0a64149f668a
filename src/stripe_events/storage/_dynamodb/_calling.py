"""Calls of DynamoDB that are repeated while it is busy, within a limit."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final

from stripe_events._fork import Lock, start_anew_in_children
from stripe_events.errors import StoreError
from stripe_events.storage._dynamodb._aws import AWS_ERRORS, new_client
from stripe_events.storage._dynamodb._errors import is_transient, told, unmet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stripe_events.storage._dynamodb._values import Item

_FIRST_PAUSE: Final = 0.025
_LONGEST_PAUSE: Final = 1.0
_AT_ONCE: Final = 100
"""How many items one request may ask for."""


class Table:
    """
    A table, called by a client that threads share.

    A call that is throttled, conflicts with another one or gets no answer is repeated with
    jittered pauses for ``timeout`` seconds, then a ``StoreError``. A child of a fork makes a
    client of its own, or lets go of the connections of the one that was given.
    """

    def __init__(self, name: str, client: Any, timeout: float) -> None:
        """Connect to nothing yet."""
        self.name = name
        self._given = client
        self._client: Any = client
        self._timeout = timeout
        self._lock = Lock()
        start_anew_in_children(self)

    def start_anew(self) -> None:
        """Use no connection of the parent."""
        self._client = None

    def close(self) -> None:
        """Close the connections of a client of its own. A later call opens new ones."""
        if self._given is None and self._client is not None:
            self._client.close()
            self._client = None

    def call(self, operation: str, **parameters: Any) -> Any:
        """Call with the table's name; raises DoesNotHold, StoreError, ConfigurationError."""
        return self.call_plainly(operation, TableName=self.name, **parameters)

    def call_plainly(self, operation: str, **parameters: Any) -> Any:
        """Call, where the table's name has another place."""
        end = time.monotonic() + self._timeout
        for pause in _pauses():
            try:
                return getattr(self.client(), operation)(**parameters)
            except AWS_ERRORS as error:
                refused = unmet(error)
                if refused is not None:
                    raise refused from error
                if not is_transient(error) or time.monotonic() + pause > end:
                    raise told(error, self.name) from error
            time.sleep(pause)
        raise AssertionError("pauses do not end")

    def get(self, key: Item) -> Item | None:
        """Give an item as it is now, or None."""
        given = self.call("get_item", Key=key, ConsistentRead=True)
        item: Item | None = given.get("Item")
        return item

    def get_all(self, keys: Iterable[Item]) -> list[Item | None]:
        """Give items as they are now, in the order of their keys, which may repeat."""
        keys = list(keys)
        if len(keys) == 1:
            return [self.get(keys[0])]
        found: dict[tuple[str, str], Item] = {}
        wanted = list({_identity(key): key for key in keys}.values())
        for start in range(0, len(wanted), _AT_ONCE):
            self._get_batch(wanted[start : start + _AT_ONCE], found)
        return [found.get(_identity(key)) for key in keys]

    def pages(self, **parameters: Any) -> Iterator[list[Item]]:
        """Give what a query finds, page by page."""
        more: dict[str, Any] = {}
        while True:
            given = self.call("query", **parameters, **more)
            yield given["Items"]
            if "LastEvaluatedKey" not in given:
                return
            more = {"ExclusiveStartKey": given["LastEvaluatedKey"]}

    def _get_batch(self, keys: list[Item], found: dict[tuple[str, str], Item]) -> None:
        asked: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
        end = time.monotonic() + self._timeout
        for pause in _pauses():
            given = self.call_plainly("batch_get_item", RequestItems=asked)
            found.update((_identity(item), item) for item in given["Responses"][self.name])
            asked = given.get("UnprocessedKeys")
            if not asked:
                return
            if time.monotonic() > end:
                raise StoreError(
                    f"DynamoDB table {self.name}: it gave a part of what was asked for"
                )
            time.sleep(pause)

    def client(self) -> Any:
        """Give the client of this process."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client = self._client or self._started()
        return client

    def _started(self) -> Any:
        if self._given is None:
            return new_client(self._timeout)
        self._given.close()  # in this process only: it opens other connections when it is used
        return self._given


def _pauses() -> Iterator[float]:
    """Give seconds: full jitter under a bound that doubles."""
    bound = _FIRST_PAUSE
    while True:
        yield random.uniform(0.0, bound)  # noqa: S311 - nothing is secret about it
        bound = min(2 * bound, _LONGEST_PAUSE)


def _identity(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
