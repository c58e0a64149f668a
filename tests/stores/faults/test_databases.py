"""The database fails at each verb: 500 and a retry, never 200 for what was not done."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from stripe_events._delivery.heartbeat import Heartbeat
from tests.stores.faults.applications import EXACTLY_ONCE, HANDLERS, Application, lines
from tests.stores.faults.places import Place
from tests.stores.faults.strikes import VERBS, Strike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.stores.postgres_server import PostgresServer

IMPATIENT = {"sqlite": {"busy_timeout": 0.05}, "postgres": {"lock_timeout": 0.05}}


@pytest.fixture(autouse=True)
def _leases_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a claim last no longer than its first lease."""
    monkeypatch.setattr(Heartbeat, "add", lambda *_: None)


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """Give an SQLite file in a folder of its own."""
    (tmp_path / "folder").mkdir()
    place = Place("sqlite", str(tmp_path / "folder" / "app.db"))
    place.create()
    return place


@pytest.fixture
def postgres(postgres_dsn: str) -> Place:
    """Give a database of a PostgreSQL."""
    place = Place("postgres", postgres_dsn)
    place.create()
    return place


def application_on(place: Place, file: Path, *handlers: str) -> Application:
    """Give one whose claims soon end, and which waits for those of others."""
    store = place.store(**IMPATIENT[place.kind])
    return Application(
        place, file, store=store, handlers=handlers or HANDLERS, lease=0.05, busy_wait=10.0
    )


@contextmanager
def moved_away(place: Place) -> Iterator[None]:
    """Have no file where it was, so that it cannot be opened."""
    folder = Path(place.address).parent
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    yield
    elsewhere.rename(folder)


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Have somebody else write for a long time: in all of the file, or in the events."""
    with place.transaction() as connection:
        if place.kind == "postgres":
            connection.execute("SELECT FROM stripe_events.events FOR UPDATE")
        yield


def survives_outage(
    application: Application, verb: str, outage: AbstractContextManager[None], at: int = 1
) -> None:
    """Let an outage begin at a verb and last until an answer was given; then all is well."""
    with ExitStack() as lasting:
        strike = Strike(application.store, verb, lambda: lasting.enter_context(outage), at)
        while application.deliver("evt_1").status != 200:
            lasting.close()
    assert strike.has_struck
    assert "done" == application.state("evt_1")


def survives_blow(application: Application, verb: str, blow: Callable[[], object]) -> None:
    """Let something happen at a verb that is over at once."""
    strike = Strike(application.store, verb, blow)
    assert 200 == application.deliver_until_200("evt_1")[-1]
    assert strike.has_struck
    assert "done" == application.state("evt_1")


def check_effects(place: Place, file: Path) -> None:
    """See that effects happened exactly once, or at least."""
    assert {("evt_1", name): 1 for name in EXACTLY_ONCE} == place.effects()
    assert {"evt_1"} == set(lines(file))


@pytest.mark.parametrize("verb", VERBS)
def test_an_sqlite_file_that_cannot_be_opened(sqlite: Place, file: Path, verb: str) -> None:
    """Its folder is away from one verb on, until an answer was given."""
    with closing(application_on(sqlite, file)) as application:
        survives_outage(application, verb, moved_away(sqlite))
    check_effects(sqlite, file)


@pytest.mark.parametrize(
    ("verb", "handlers"),
    [
        ("accept", HANDLERS),
        ("begin", ("block", "flaky")),
        ("is_settled", ("joined", "flaky")),
        ("finish", ("file", "flaky")),
        ("suspend", HANDLERS),
    ],
)
def test_an_sqlite_file_that_is_locked(
    sqlite: Place, file: Path, verb: str, handlers: tuple[str, ...]
) -> None:
    """Another process writes for longer than this one waits."""
    with closing(application_on(sqlite, file, *handlers)) as application:
        survives_outage(application, verb, locked(sqlite))
    assert {("evt_1", name): 1 for name in EXACTLY_ONCE if name in handlers} == sqlite.effects()


@pytest.mark.parametrize(("verb", "at"), [("accept", 2), ("finish", 1), ("suspend", 1)])
def test_a_record_that_another_transaction_locks(
    postgres: Place, file: Path, verb: str, at: int
) -> None:
    """A verb that waits for too long is given up, and so is the delivery."""
    with closing(application_on(postgres, file, "file", "flaky")) as application:
        survives_outage(application, verb, locked(postgres), at)
    assert {"evt_1"} == set(lines(file))


def terminate_others(dsn: str) -> None:
    """End all other connections to a database."""
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("verb", VERBS)
def test_connections_that_the_server_ends(postgres: Place, file: Path, verb: str) -> None:
    """All of them end at once; the store makes new ones."""
    with closing(application_on(postgres, file)) as application:
        survives_blow(application, verb, partial(terminate_others, postgres.address))
    check_effects(postgres, file)


@pytest.mark.parametrize("verb", VERBS)
def test_a_server_that_crashes_and_starts_again(
    postgres_server: PostgresServer, postgres: Place, file: Path, verb: str
) -> None:
    """What was committed is there; the application goes on without a restart of its own."""
    with closing(application_on(postgres, file)) as application:
        survives_blow(application, verb, partial(postgres_server.restart, "immediate"))
    check_effects(postgres, file)


@pytest.mark.parametrize("verb", ["accept", "finish", "commit"])
def test_a_server_that_is_down_for_a_while(
    postgres_server: PostgresServer, postgres: Place, file: Path, verb: str
) -> None:
    """It refuses connections until an answer was given."""

    @contextmanager
    def down() -> Iterator[None]:
        postgres_server.stop("immediate")
        yield
        postgres_server.start()

    with closing(application_on(postgres, file)) as application:
        survives_outage(application, verb, down())
    check_effects(postgres, file)


def test_a_claim_that_cannot_be_given_back(place: Place, file: Path) -> None:
    """The running code lacks a handler, and the database fails when it says so."""
    with (
        closing(application_on(place, file)) as complete,
        closing(application_on(place, file, *EXACTLY_ONCE, "file")) as lacking,
    ):
        assert 500 == complete.deliver("evt_1").status
        strike = Strike(lacking.store, "give_back", partial(fail, place))
        assert 500 == lacking.deliver("evt_1").status
        assert strike.has_struck
        assert "claimed" == complete.state("evt_1")
        assert 200 == complete.deliver("evt_1").status
    check_effects(place, file)


def fail(place: Place) -> None:
    """Raise what a driver does."""
    raise psycopg.OperationalError if place.kind == "postgres" else OSError
