"""How the tables of a PostgreSQL ledger are made and brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._postgres._executing import run
from stripe_events.storage._postgres._migrations import MIGRATIONS, Migration
from stripe_events.storage._postgres._schema import created, ledger_id
from stripe_events.storage._postgres._tables import Tables, named
from stripe_events.testing._contract.racing import together

if TYPE_CHECKING:
    from tests.stores.postgres_ledgers import Ledgers

TABLES = named("stripe_events", None)


def _adding(tables: Tables) -> tuple[str, ...]:
    return (f"ALTER TABLE {tables.events} ADD COLUMN mood text NOT NULL DEFAULT 'good'",)


def _migrated(ledgers: Ledgers, compatible: int) -> None:
    newer = (*MIGRATIONS, Migration(_adding, compatible))
    with ledgers.connect() as connection:
        run(connection, created(TABLES, newer))


def test_a_ledger_without_tables_names_the_cure(ledgers: Ledgers) -> None:
    """Nothing is created in silence: the first verb says what to call, and then works."""
    store = ledgers.open()
    with pytest.raises(ConfigurationError, match=r"create_schema\(\)"):
        store.claim()
    assert [(None,)] == ledgers.execute("SELECT to_regnamespace('stripe_events')")
    store.create_schema()
    assert 1 == store.claim().token


def test_the_tables_may_be_created_again(ledgers: Ledgers) -> None:
    """What is there stays, and so does the ledger's id."""
    store = ledgers.ready()
    before = ledgers.execute("SELECT * FROM stripe_events.meta")
    store.claim()
    ledgers.ready()
    assert before == ledgers.execute("SELECT * FROM stripe_events.meta")
    assert "claimed" == store.state()


def test_many_may_create_the_tables_at_once(ledgers: Ledgers) -> None:
    """Every process of a deployment calls it: one does the work, the others find it done."""
    stores = [ledgers.open() for _ in range(8)]
    together([store.create_schema for store in stores])
    assert [(1,)] == ledgers.execute("SELECT count(*) FROM stripe_events.meta")


def test_the_tables_may_be_created_under_any_default_isolation(ledgers: Ledgers) -> None:
    """A snapshot that is taken before the wait for others would not see their work."""
    ledgers.execute(
        f"ALTER DATABASE {ledgers.database} SET default_transaction_isolation = 'serializable'"
    )
    together([ledgers.open().create_schema for _ in range(8)])
    assert [(1,)] == ledgers.execute("SELECT count(*) FROM stripe_events.meta")


def test_tables_of_an_older_version_are_brought_up_to_date(ledgers: Ledgers) -> None:
    """A migration keeps what is there, and the ledger's id."""
    store = ledgers.ready()
    store.claim()
    before = ledgers.execute("SELECT ledger FROM stripe_events.meta")
    _migrated(ledgers, compatible=1)
    _migrated(ledgers, compatible=1)
    assert [("good",)] == ledgers.execute("SELECT mood FROM stripe_events.events")
    ((ledger, version, compatible),) = ledgers.execute("SELECT * FROM stripe_events.meta")
    assert (before, 2, 1) == ([(ledger,)], version, compatible)


def test_older_code_works_with_newer_tables(ledgers: Ledgers) -> None:
    """In a rolling deploy the tables are new first: running code and restarted old code go on."""
    running = ledgers.ready()
    running.claim()
    _migrated(ledgers, compatible=1)
    assert 1 == running.claim("evt_2").token
    assert 1 == ledgers.open().claim("evt_3").token


def test_older_code_leaves_newer_tables_alone(ledgers: Ledgers) -> None:
    """An old process that starts late does not take the version back."""
    ledgers.ready()
    _migrated(ledgers, compatible=1)
    ledgers.ready()
    assert [(2,)] == ledgers.execute("SELECT version FROM stripe_events.meta")


def test_code_that_is_too_old_is_refused(ledgers: Ledgers) -> None:
    """Where a migration could not be made compatible, old code stops, and says why."""
    ledgers.ready()
    _migrated(ledgers, compatible=2)
    with pytest.raises(ConfigurationError, match="deploy the newer stripe-events"):
        ledgers.open().claim()


def test_code_that_is_newer_than_the_tables_names_the_cure(ledgers: Ledgers) -> None:
    """Whoever deploys the code before the tables is told the right order."""
    ledgers.ready()
    newer = ledger_id(TABLES, version=2)
    with (
        ledgers.connect() as connection,
        pytest.raises(ConfigurationError, match=r"version 1.*needs 2.*create_schema\(\)"),
    ):
        run(connection, newer)


@pytest.mark.parametrize(
    ("schema", "prefix", "table"),
    [
        ("stripe_events", None, "stripe_events.events"),
        ("billing", "hooks_", "billing.hooks_events"),
        (None, None, "public.stripe_events_events"),
        (None, "x", "public.xevents"),
        ('odd " 100%s {} name', "ev'%", '"odd "" 100%s {} name"."ev\'%events"'),
    ],
)
def test_tables_are_where_they_are_wanted(
    ledgers: Ledgers, schema: str | None, prefix: str | None, table: str
) -> None:
    """Schema and prefix are the user's, whatever characters they hold."""
    store = ledgers.ready(schema=schema, prefix=prefix)
    store.claim()
    assert ["evt_1"] == [record.id for record in store.list()]
    assert [("evt_1",)] == ledgers.execute(f"SELECT id FROM {table}")


def test_two_ledgers_of_one_database_are_apart(ledgers: Ledgers) -> None:
    """Each has its own tables and its own id."""
    one, other = ledgers.ready(), ledgers.ready(schema="other")
    one.claim()
    assert None is other.state()
    ids = "SELECT ledger FROM stripe_events.meta UNION SELECT ledger FROM other.meta"
    assert 2 == len(ledgers.execute(ids))


def test_a_role_that_may_create_nothing_finds_tables_that_are_there(ledgers: Ledgers) -> None:
    """An application calls create_schema() too, with less rights than the deployment."""
    ledgers.ready()
    role = f"app_{ledgers.database}"
    ledgers.execute(f"CREATE ROLE {role} LOGIN")
    ledgers.execute(f"GRANT USAGE ON SCHEMA stripe_events TO {role}")
    ledgers.execute(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA stripe_events TO {role}"
    )
    store = ledgers.ready(ledgers.dsn.replace("postgres@", f"{role}@"))
    assert 1 == store.claim().token


def test_a_role_without_rights_is_told_so(ledgers: Ledgers) -> None:
    """The error names what to grant."""
    ledgers.ready()
    role = f"nobody_{ledgers.database}"
    ledgers.execute(f"CREATE ROLE {role} LOGIN")
    with pytest.raises(StoreError, match="grant the role"):
        ledgers.open(ledgers.dsn.replace("postgres@", f"{role}@")).claim()


def test_nothing_is_asked_of_the_database_before_the_first_use(ledgers: Ledgers) -> None:
    """A store can be made while the server is not there yet."""
    ledgers.open("postgresql://nobody@127.0.0.1:1/nowhere")
