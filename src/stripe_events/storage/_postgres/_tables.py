"""What the tables of a ledger are called."""

from __future__ import annotations

from typing import NamedTuple


class Tables(NamedTuple):
    """
    Names as they stand in SQL: quoted, and with ``%`` doubled for psycopg.

    ``schema`` is None where the search path decides.
    """

    schema: str | None
    events: str
    keys: str
    meta: str
    prefix: str

    def index_name(self, name: str) -> str:
        """Give the name of an index; it lives in the schema of its table."""
        return quoted(f"{self.prefix}events_{name}")


def named(schema: str | None, prefix: str | None) -> Tables:
    """Name the tables; without a schema of their own they have a prefix, unless it is given."""
    if prefix is None:
        prefix = "stripe_events_" if schema is None else ""
    within = "" if schema is None else f"{quoted(schema)}."
    events, keys, meta = (f"{within}{quoted(prefix + name)}" for name in ("events", "keys", "meta"))
    return Tables(schema, events, keys, meta, prefix)


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""').replace("%", "%%") + '"'


def plain(name: str) -> str:
    """Give a quoted name as a value for ``to_regclass``, where no ``%`` is doubled."""
    return name.replace("%%", "%")
