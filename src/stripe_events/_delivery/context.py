"""What a handler may know and say about the delivery it runs in."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, overload

from stripe_events._messages import Answer
from stripe_events.errors import UsageError

if TYPE_CHECKING:
    import logging
    from collections.abc import Awaitable, Coroutine, Mapping
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import Protocol, TypeVar

    from stripe_events._delivery.completion import Completion
    from stripe_events.storage._protocols import AsyncTransactionalStore, TransactionalStore

    ConnectionT = TypeVar("ConnectionT")

    class _SyncConnection(Protocol):
        def commit(self) -> None: ...

    class _AsyncConnection(Protocol):
        def commit(self) -> Coroutine[Any, Any, None]: ...


__all__ = ["Context", "Delivery"]

TIME_LIMIT = 60.0
"""Seconds that the handlers of one delivery have, unless the caller knows better."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_MAX_IDEMPOTENCY_KEY = 255  # https://docs.stripe.com/api/idempotent_requests


class Delivery:
    """What all handlers of one delivery share."""

    __slots__ = (
        "_id",
        "_started",
        "answer",
        "ends",
        "is_abandoned",
        "lease",
        "received",
        "seconds",
        "secret",
    )

    def __init__(
        self,
        received: float,
        secret: str | None = None,
        seconds: float = TIME_LIMIT,
        lease: float | None = None,
    ) -> None:
        """Start the clock: handlers have ``seconds`` from now, under a claim for ``lease``."""
        self.received: float = received
        self.secret: str | None = secret
        self.seconds: float = seconds
        self.lease: float | None = lease
        self._started = monotonic()
        self.ends: float = self._started + seconds
        self.answer: Answer | None = None
        self.is_abandoned: bool = False  # to a thread that still ran when a shutdown came between
        self._id: str | None = None

    def elapsed(self) -> float:
        """Give the seconds since the event was verified."""
        return monotonic() - self._started

    @property
    def id(self) -> str:
        """A random name for this delivery, made when it is first asked for."""
        if self._id is None:
            self._id = f"dlv_{os.urandom(12).hex()}"
        return self._id


class Context:
    """
    One run of one handler: who is being served, until when, and what to answer.

    A handler gets it by taking a second parameter. It belongs to that run; keep
    nothing of it.
    """

    __slots__ = (
        "_delivery",
        "_ends",
        "_event_id",
        "_handler",
        "_skipped",
        "answer",
        "completion",
    )

    def __init__(
        self, delivery: Delivery, event_id: str, handler: str, seconds: float | None = None
    ) -> None:
        """Be made by the flow, for one handler; ``seconds`` is its own time limit."""
        self._delivery = delivery
        self._event_id = event_id
        self._handler = handler
        self._ends = delivery.ends if seconds is None else min(delivery.ends, monotonic() + seconds)
        self.answer: Answer | None = None
        self._skipped: str | None = None
        self.completion: Completion | None = None

    @property
    def delivery_id(self) -> str:
        """A name for this delivery, the same for all its handlers, never seen before."""
        return self._delivery.id

    @property
    def attempt(self) -> int:
        """How often this handler has been started for this event, from 1; needs a store."""
        return 1 if self.completion is None else self.completion.handler.attempts + 1

    @property
    def received_at(self) -> datetime:
        """When the delivery came in (UTC)."""
        return datetime.fromtimestamp(self._delivery.received, UTC)

    @property
    def secret(self) -> str | None:
        """The name of the signing secret that matched; None for trusted input."""
        return self._delivery.secret

    @property
    def deadline(self) -> datetime:
        """
        When this run should be over (UTC), by its ``timeout`` and the delivery's limit.

        Without a limit (``math.inf``) it is the last time that there is.
        """
        try:
            return datetime.now(UTC) + timedelta(seconds=self._ends - monotonic())
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)

    @property
    def out_of_order(self) -> bool:
        """Whether a later event of the same order key was done before; needs ``order_by``."""
        return self.completion is not None and self.completion.event.out_of_order

    @property
    def idempotency_key(self) -> str:
        """
        A key that is the same in every attempt of this handler for this event.

        Give it to Stripe's API or to any service that takes idempotency keys. At
        most 255 characters of printable ASCII, as it travels in a header. A handler that
        was renamed by ``formerly`` keeps its key; a replay has a new one.
        """
        key = f"{self._event_id}/{self._handler}"
        if self.completion is not None:
            key = f"{self._event_id}/{self.completion.key_name()}"
        if len(key) <= _MAX_IDEMPOTENCY_KEY and key.isascii() and key.isprintable():
            return key
        from hashlib import sha256

        return f"{self._event_id[:64]}/{sha256(key.encode()).hexdigest()}"

    @property
    def skipped(self) -> str | None:
        """The reason given to ``skip``, or None."""
        return self._skipped

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """The logger ``stripe_events.handlers``, with the event, handler and delivery as extras."""
        import logging

        extra = {
            "stripe_event": self._event_id,
            "handler": self._handler,
            "delivery": self.delivery_id,
        }
        return logging.LoggerAdapter(logging.getLogger("stripe_events.handlers"), extra)

    def remaining(self) -> float:
        """Give the seconds until ``deadline``; 0.0 once it has passed."""
        return max(0.0, self._ends - monotonic())

    def skip(self, reason: str) -> None:
        """
        Say that this handler has nothing to do for this event; it counts as settled.

        It does not end the function: return afterwards. Middleware calls it
        before its ``yield``, so that neither the handler nor middleware further
        in runs; whether it then yields or returns makes no difference.
        """
        self._skipped = reason

    @overload
    def transaction(
        self, store: TransactionalStore[ConnectionT]
    ) -> AbstractContextManager[ConnectionT]: ...
    @overload
    def transaction(
        self, store: AsyncTransactionalStore[ConnectionT]
    ) -> AbstractAsyncContextManager[ConnectionT]: ...
    def transaction(self, store: Any) -> Any:
        """
        Open a transaction on the router's store: a ``with`` block that gives its connection.

        What the block writes and "this handler is done" are committed together, or not at
        all; the claim is checked as the last statement. A block that raises rolls back.
        From the commit on the handler is done: what it does or raises afterwards is not
        retried. ``with`` for sync stores, ``async with`` for async ones.

        Args:
            store: the one that was given to ``EventRouter(store=...)``.

        Raises:
            UsageError: another store, one without transactions, or the second block of
                this run.
            LostClaim: at the end of the block: somebody else claimed the event since.
            StaleSnapshot: at the end of the block: a handler with ``stale=`` was
                overtaken by a newer snapshot.
            StoreError: the database failed; without an answer to the commit, the
                library finds out what became of it.
        """
        return self._recorded().transaction(self, store)

    @overload
    def complete_on(self, connection: _SyncConnection) -> None: ...
    @overload
    def complete_on(self, connection: _AsyncConnection) -> Awaitable[None]: ...
    def complete_on(self, connection: Any) -> Any:
        """
        Write "this handler is done" on your own connection, for you to commit.

        Call it last before the commit, in a transaction on the database that holds the
        ledger, begun inside this handler. If it is not committed by the time that the
        handler returns, the handler has failed. Await it on an async connection.

        Args:
            connection: the driver's own: ``sqlite3`` or ``psycopg``. In Django that is
                ``connection.connection``, in SQLAlchemy
                ``session.connection().connection.driver_connection``.

        Raises:
            UsageError: autocommit, another database, no store that could do this, or
                the second completion of this run.
            LostClaim, StaleSnapshot, StoreError: as at the end of ``transaction``; let
                them pass, so that your transaction is rolled back.
        """
        return self._recorded().complete_on(self, connection)

    def _recorded(self) -> Completion:
        if self.completion is None:
            raise UsageError("this needs a ledger: give EventRouter(store=...)")
        return self.completion

    def respond(self, json_value: Any, headers: Mapping[str, str] | None = None) -> None:
        """
        Answer Stripe with this JSON, for the types whose answer Stripe reads.

        Sent with status 200 if this handler succeeds, whatever other handlers
        do. Some types need a ``Stripe-Version`` header in the answer. In a replay the
        first answer stays.

        Raises:
            UsageError: an answer was given for this event already; the handler was
                completed already, by its own commit; or a header is none that can
                be sent: its value is text of one line, in ASCII.
            TypeError, ValueError: the value has no JSON form.
        """
        if self.answer is not None or (self._delivery.answer is not None and not self._is_replay()):
            raise UsageError("ctx.respond() was called already: one event has one answer")
        if self.completion is not None and self.completion.is_over():
            raise UsageError("ctx.respond() comes too late: call it before the handler's commit")
        body = json.dumps(json_value, allow_nan=False).encode("utf-8")
        self.answer = Answer(body, _checked(headers or {}))

    def _is_replay(self) -> bool:
        return self.completion is not None and self.completion.event.generation > 0


def _checked(headers: Mapping[Any, Any]) -> dict[str, str]:
    for name, value in headers.items():
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            msg = f"{name!r} cannot be the name of a header"
            raise UsageError(msg)
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            msg = f"the value of header {name} must be printable ASCII on one line"
            raise UsageError(msg)
    return {name.lower(): value for name, value in headers.items()}
