"""The few lines in which sync and async connections differ when they execute."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.rows import tuple_row

from stripe_events.storage._bases import adrive, drive
from stripe_events.storage._postgres._statements import is_atomic

if TYPE_CHECKING:
    from stripe_events.storage._postgres._scripts import Script, Statement
    from stripe_events.storage._postgres._statements import Statements
    from stripe_events.storage._steps import Step

T = TypeVar("T")


def execute(connection: psycopg.Connection[Any], statement: Statement) -> Any:
    """Give the rows of a statement, whatever kind of rows and cursors the connection makes."""
    query, parameters, binary = statement
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    cursor.execute(query, parameters, binary=binary)
    return cursor.rowcount if cursor.rownumber is None else cursor.fetchall()


async def aexecute(connection: psycopg.AsyncConnection[Any], statement: Statement) -> Any:
    """Do the same, awaited."""
    query, parameters, binary = statement
    cursor = psycopg.AsyncCursor(connection, row_factory=tuple_row)
    await cursor.execute(query, parameters, binary=binary)
    return cursor.rowcount if cursor.rownumber is None else await cursor.fetchall()


def run(connection: psycopg.Connection[Any], script: Script[T]) -> T:
    """Execute a script, and give what it returns."""
    return drive(script, partial(execute, connection))


async def arun(connection: psycopg.AsyncConnection[Any], script: Script[T]) -> T:
    """Do the same, awaited."""
    return await adrive(script, partial(aexecute, connection))


def perform(connection: psycopg.Connection[Any], statements: Statements, operation: Step) -> Any:
    """Perform an operation; one of several statements is undone if one of them does not hold."""
    script = statements.script(operation)
    if not is_atomic(operation):
        return run(connection, script)
    with connection.transaction() as block:
        if run(connection, script):
            return True
        raise psycopg.Rollback(block)
    return False


async def aperform(
    connection: psycopg.AsyncConnection[Any], statements: Statements, operation: Step
) -> Any:
    """Do the same, awaited."""
    script = statements.script(operation)
    if not is_atomic(operation):
        return await arun(connection, script)
    async with connection.transaction() as block:
        if await arun(connection, script):
            return True
        raise psycopg.Rollback(block)
    return False
