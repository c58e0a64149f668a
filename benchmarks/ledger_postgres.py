"""
Inline on PostgreSQL, against the two commits that a delivery cannot do without.

Those are an INSERT and an UPDATE of a row like the ledger's, with the same payload, by
psycopg in autocommit, on the same server and as prepared statements, in a table that has
a primary key and no other index. Nothing is verified, parsed or decided there.

The target is for a disk, where a commit waits for it. The same in memory, where fsync
costs nothing, shows best what is added.
"""

from __future__ import annotations

import json
from time import perf_counter
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.types.json import set_json_loads

from benchmarks import payloads
from benchmarks.figures import Figure, shown
from benchmarks.ledger_deliveries import Deliveries
from benchmarks.ledger_rounds import delivering, take_turns
from benchmarks.ledger_routers import handling
from benchmarks.ledger_server import IN_MEMORY, server
from stripe_events.storage import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import psycopg

    from benchmarks.ledger_server import Connect

__all__ = ["measure"]

_AT_LEAST = 0.6
_BATCH = 20

_BARE = """
    CREATE TABLE bare (
        LIKE stripe_events.events INCLUDING STORAGE INCLUDING COMPRESSION, PRIMARY KEY (scope, id)
    )
"""
_UPDATED = ("state", "lease_until", "handlers", "running", "revision")
"""What the second commit of a delivery changes."""


def measure(rounds: int) -> list[Figure]:
    """Measure events a second on a disk and, where there is such a folder, in memory."""
    ratio, measured = _compared(None, rounds)
    what, target = "ledger: PostgreSQL / two bare commits", f"at least {_AT_LEAST:.0%}"
    figures = [Figure(what, target, measured, ratio >= _AT_LEAST)]
    if IN_MEMORY is not None:
        figures.append(shown("the same in memory", _compared(IN_MEMORY, rounds)[1]))
    return figures


def _compared(folder: Path | None, rounds: int) -> tuple[float, str]:
    """Give the ratio, and how it is told."""
    with server(folder) as running:
        connect = running.new_database("ledger")
        store = PostgresStore(connect)
        store.create_schema()
        ours = delivering(handling(store), Deliveries(payloads.charge()), _BATCH)
        ours()  # a row that the bare ones are like
        sides = {"ours": ours, "bare": _bare(connect)}
        taken = take_turns(sides, rounds, "PostgreSQL")
        store.close()
    mine, bare = taken["ours"], taken["bare"]
    ratio = mine.in_times(bare)
    # The middle decides: how long a disk takes varies, and the fastest round had luck.
    return ratio.median, (
        f"{ratio.median:.0%} (fastest {ratio.fastest:.0%})   "
        f"{1 / mine.fastest:.0f} : {1 / bare.fastest:.0f} events/s"
    )


def _bare(connect: Connect) -> Callable[[], float]:
    connection, deliveries = connect(), Deliveries(payloads.charge())
    set_json_loads(_text, connection)
    connection.execute(_BARE)
    row = connection.execute("SELECT * FROM stripe_events.events LIMIT 1")
    columns = [column.name for column in row.description or ()]
    values: dict[str, Any] = dict(zip(columns, row.fetchall()[0], strict=True))
    insert, update = _insert(connection, columns), _update(connection)
    updated = tuple(values[name] for name in _UPDATED)

    def batch() -> float:
        bodies = [deliveries.body() for _ in range(_BATCH)]
        rows = [values | {"id": json.loads(body)["id"], "payload": body} for body in bodies]
        started = perf_counter()
        for row in rows:
            connection.execute(insert, tuple(row.values()))
            connection.execute(update, (*updated, row["scope"], row["id"]))
        return (perf_counter() - started) / _BATCH

    return batch


def _insert(connection: psycopg.Connection[Any], columns: Sequence[str]) -> bytes:
    places = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("INSERT INTO bare ({}) VALUES ({})").format(names, places).as_bytes(connection)


def _update(connection: psycopg.Connection[Any]) -> bytes:
    assigned = sql.SQL(", ").join(
        sql.SQL("{} = %s").format(sql.Identifier(name)) for name in _UPDATED
    )
    statement = sql.SQL("UPDATE bare SET {} WHERE scope = %s AND id = %s").format(assigned)
    return statement.as_bytes(connection)


def _text(value: str | bytes) -> str:
    """Give JSON as it stands, which can be written again."""
    return value if isinstance(value, str) else value.decode()
