"""
The tables of a ledger, version by version.

A migration that is released is never changed. It adds, where it can: code that does not
know of it then goes on working beside newer code, as in a rolling deploy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stripe_events.storage._postgres._lists import (
    IS_DEAD,
    IS_LISTED,
    IS_PARKED,
    IS_WAITING,
    WAITING_SINCE,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._postgres._tables import Tables


class Migration(NamedTuple):
    """
    A step from one version to the next.

    ``compatible``: the oldest version whose code can work with what this leaves.
    """

    statements: Callable[[Tables], tuple[str, ...]]
    compatible: int


def _first(tables: Tables) -> tuple[str, ...]:
    return (
        f"""CREATE TABLE {tables.meta} (
            ledger text PRIMARY KEY, version integer NOT NULL, compatible integer NOT NULL
        )""",
        _events(tables.events),
        # Faster than PostgreSQL's own way, where the server was built with it.
        f"""DO $$ BEGIN
            ALTER TABLE {tables.events} ALTER payload SET COMPRESSION lz4;
        EXCEPTION WHEN feature_not_supported THEN NULL;
        END $$""",
        *_indexes(tables),
        f"""CREATE TABLE {tables.keys} (
            scope text COLLATE "C" NOT NULL,
            kind text COLLATE "C" NOT NULL,
            key text COLLATE "C" NOT NULL,
            holder text,
            newest float8,
            revision bigint NOT NULL,
            PRIMARY KEY (scope, kind, key)
        )""",
    )


def _events(events: str) -> str:
    return f"""CREATE TABLE {events} (
        scope text COLLATE "C" NOT NULL,
        id text COLLATE "C" NOT NULL,
        type text NOT NULL,
        account text,
        livemode boolean NOT NULL,
        created float8 NOT NULL,
        order_key text COLLATE "C",
        first_seen float8 NOT NULL,
        last_seen float8 NOT NULL,
        state text NOT NULL,
        lane text NOT NULL,
        due float8,
        token bigint NOT NULL,
        claim_id text NOT NULL,
        lease_until float8 NOT NULL,
        abandoned bigint NOT NULL,
        generation bigint NOT NULL,
        handlers json NOT NULL,
        refused json NOT NULL,
        running json NOT NULL,
        answer json,
        out_of_order boolean NOT NULL,
        erased boolean NOT NULL,
        revision bigint NOT NULL,
        payload bytea,
        PRIMARY KEY (scope, id)
    )"""


def _indexes(tables: Tables) -> tuple[str, ...]:
    events = tables.events
    return (
        f"""CREATE INDEX {tables.index_name("seen")} ON {events}
            (scope, first_seen, id) WHERE {IS_LISTED}""",
        f"""CREATE INDEX {tables.index_name("dead")} ON {events}
            (scope, first_seen, id) WHERE {IS_DEAD}""",
        f"""CREATE INDEX {tables.index_name("waiting")} ON {events}
            (scope, {WAITING_SINCE}) WHERE {IS_WAITING}""",
        f"""CREATE INDEX {tables.index_name("parked")} ON {events}
            (scope, order_key, created, first_seen, id) WHERE {IS_PARKED}""",
    )


MIGRATIONS: Final = (Migration(_first, 1),)
