"""Events that go through an inbox by the verbs of a store, as a worker calls them."""

from __future__ import annotations

import json
import os
from time import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.ledger_deliveries import Deliveries
from stripe_events.storage import Arrival, Code, HandlerResult, Plan, PlannedHandler, Query
from stripe_events.storage._results import Ending

if TYPE_CHECKING:
    from stripe_events.storage._results import Taken

__all__ = ["Inbox"]

_SCOPE: Final = "default"
_HANDLER: Final = "shop.webhooks:handle"
_CODE: Final = Code(frozenset({_HANDLER}))
_PLAN: Final = Plan((PlannedHandler(_HANDLER),))
_LEASE: Final = 30.0


class Inbox:
    """The inbox of a store, and the events that are copies of one body."""

    def __init__(self, store: Any, body: bytes) -> None:
        """Record nothing yet."""
        self._store = store
        self._type = json.loads(body)["type"]
        self._deliveries = Deliveries(body)

    def record(self, events: int) -> None:
        """Record so many new events."""
        for _ in range(events):
            self._store.enqueue(self._arrival(self._deliveries.body()))

    def claim(self, at_once: int) -> list[Taken]:
        """Claim what is due, at most so many."""
        taken: list[Taken] = self._store.take_due(
            _SCOPE, _CODE, os.urandom(8).hex(), _LEASE, at_once
        )
        return taken

    def finish(self, taken: list[Taken]) -> None:
        """Record that their handlers have succeeded, together where the store can."""
        result = HandlerResult(_HANDLER, "succeeded")
        endings = [Ending(one.claimed.claim, result) for one in taken]
        if len(endings) > 1 and hasattr(self._store, "finish_each"):
            self._store.finish_each(endings)
            return
        for ending in endings:
            self._store.finish(*ending)

    def work(self, at_once: int) -> None:
        """Do all that is due."""
        while taken := self.claim(at_once):
            self.finish(taken)

    def erase(self) -> None:
        """Let go of the payloads of all that is done."""
        while self._store.erase(_SCOPE, Query()):
            pass

    def _arrival(self, body: bytes) -> Arrival:
        event_id = body.partition(b'"id":"')[2].partition(b'"')[0].decode()
        return Arrival(
            scope=_SCOPE,
            id=event_id,
            type=self._type,
            account="acct_1TestBench0000000001",
            livemode=True,
            created=time(),
            payload=body,
            plan=_PLAN,
            code=_CODE,
            claim_id=os.urandom(8).hex(),
        )
