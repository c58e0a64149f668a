"""The operations of the verbs, performed on a cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage._operations import ExtendLeases, Write, WriteEach
from stripe_events.storage._sqlite._reads import READS
from stripe_events.storage._sqlite._writes import (
    DoesNotHold,
    extended,
    is_one_statement,
    made,
    make_all,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from stripe_events.storage._operations import Operation
    from stripe_events.storage._results import Claim
    from stripe_events.storage._sqlite._blocks import Block


def perform(
    cursor: sqlite3.Cursor, clock: Callable[[], float], block: Block, operation: Operation
) -> Any:
    """
    Perform an operation and give its result.

    Args:
        cursor: without a row factory, on a connection that gives texts as ``str``.
        clock: gives the store's time in unix seconds.
        block: what makes several statements one.
        operation: what the verb asks for.
    """
    if isinstance(operation, Write):
        return _write(cursor, block, operation)
    if isinstance(operation, WriteEach):
        with block(cursor):
            return tuple(made(cursor, change) for change in operation.changes)
    if isinstance(operation, ExtendLeases):
        with block(cursor):
            return _extend(cursor, clock, operation)
    return READS[type(operation)](cursor, clock, operation)


def _write(cursor: sqlite3.Cursor, block: Block, write: Write) -> bool:
    try:
        if is_one_statement(write):
            make_all(cursor, write)
        else:
            with block(cursor):
                make_all(cursor, write)
    except DoesNotHold:
        return False
    return True


def _extend(
    cursor: sqlite3.Cursor, clock: Callable[[], float], extend: ExtendLeases
) -> list[Claim]:
    until = clock() + extend.seconds
    return [claim for claim in extend.claims if not extended(cursor, claim, until)]
