"""A handler's completion on a connection of the user's, who commits it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus

from stripe_events.errors import StoreError, UsageError
from stripe_events.storage import _verbs
from stripe_events.storage._bases import adrive, drive
from stripe_events.storage._postgres._errors import ERRORS, MISSING, told
from stripe_events.storage._postgres._executing import (
    aexecute,
    aperform,
    arun,
    execute,
    perform,
    run,
)
from stripe_events.storage._postgres._ledger import FOREIGN
from stripe_events.storage._postgres._scripts import Statement

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from stripe_events.errors import StripeEventsError
    from stripe_events.storage._postgres._ledger import Ledger
    from stripe_events.storage._results import Claim, HandlerResult, Plan

# Whatever it says: before a statement psycopg begins the transaction that the user will
# commit, while its blocks would commit one that they had to begin.
_BEGINS = Statement(b"SELECT 1")


def complete_on(
    ledger: Ledger, connection: Any, claim: Claim, result: HandlerResult, joined: Plan
) -> Awaitable[None] | None:
    """See ``TransactionalStore.complete_on``."""
    if _is(connection, psycopg.AsyncConnection):
        return _acomplete(ledger, connection, claim, result, joined)
    if not _is(connection, psycopg.Connection):
        raise UsageError(
            "complete_on takes a psycopg.Connection or psycopg.AsyncConnection, not "
            f"{type(connection).__name__}: give it the one that your framework has wrapped"
        )
    _complete(ledger, connection, claim, result, joined)
    return None


def _is(connection: object, kind: type[Any]) -> bool:
    return isinstance(connection, kind)


def _complete(
    ledger: Ledger,
    connection: psycopg.Connection[Any],
    claim: Claim,
    result: HandlerResult,
    joined: Plan,
) -> None:
    verb = _verbs.finish(claim, result, joined, in_transaction=True)
    try:
        if _has_to_begin(connection):
            execute(connection, _BEGINS)
        with connection.transaction():
            run(connection, ledger.recognised())
            drive(verb, partial(perform, connection, ledger.in_transaction))
    except ERRORS as error:
        raise _told(error) from error


async def _acomplete(
    ledger: Ledger,
    connection: psycopg.AsyncConnection[Any],
    claim: Claim,
    result: HandlerResult,
    joined: Plan,
) -> None:
    verb = _verbs.finish(claim, result, joined, in_transaction=True)
    try:
        if _has_to_begin(connection):
            await aexecute(connection, _BEGINS)
        async with connection.transaction():
            await arun(connection, ledger.recognised())
            await adrive(verb, partial(aperform, connection, ledger.in_transaction))
    except ERRORS as error:
        raise _told(error) from error


def _has_to_begin(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    status = connection.info.transaction_status
    if connection.closed or status == TransactionStatus.UNKNOWN:
        raise StoreError("the connection is closed: nothing can be completed on it")
    if status == TransactionStatus.IDLE and connection.autocommit:
        raise UsageError(
            "the connection is in autocommit: complete_on belongs into the transaction of what "
            "the handler has written, as its last statement before the commit"
        )
    return status == TransactionStatus.IDLE


def _told(error: Exception) -> StripeEventsError:
    return UsageError(FOREIGN) if isinstance(error, MISSING) else told(error)
