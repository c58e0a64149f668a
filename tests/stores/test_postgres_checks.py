"""What the store refuses to run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events.errors import ConfigurationError
from stripe_events.storage import PostgresStore
from stripe_events.storage._bases import drive
from stripe_events.storage._postgres._checks import durable

if TYPE_CHECKING:
    from tests.stores.postgres_ledgers import Ledgers


def test_commits_that_do_not_wait_for_the_disk_are_refused(ledgers: Ledgers) -> None:
    """What was acknowledged would be lost with the server's last moments."""
    ledgers.ready()
    ledgers.execute(f"ALTER DATABASE {ledgers.database} SET synchronous_commit = off")
    with pytest.raises(ConfigurationError, match='accept_loss=\\("synchronous_commit",\\)'):
        ledgers.open().claim()


def test_a_role_that_does_not_wait_is_refused(ledgers: Ledgers) -> None:
    """The setting counts as this role has it, not as the server has."""
    ledgers.ready()
    role = f"fast_{ledgers.database}"
    ledgers.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
    ledgers.execute(f"ALTER ROLE {role} SET synchronous_commit = off")
    with pytest.raises(ConfigurationError, match="synchronous_commit is off"):
        ledgers.open(ledgers.dsn.replace("postgres@", f"{role}@")).claim()


def test_a_loss_may_be_accepted_by_name(ledgers: Ledgers) -> None:
    """Whoever says so has it."""
    ledgers.ready()
    ledgers.execute(f"ALTER DATABASE {ledgers.database} SET synchronous_commit = off")
    store = ledgers.open(accept_loss=("synchronous_commit",))
    assert 1 == store.claim().token


def test_a_read_only_role_is_refused(ledgers: Ledgers) -> None:
    """Nothing could be recorded."""
    ledgers.ready()
    ledgers.execute(f"ALTER DATABASE {ledgers.database} SET default_transaction_read_only = on")
    with pytest.raises(ConfigurationError, match="read-only"):
        ledgers.open().claim()


@pytest.mark.parametrize(
    ("settings", "accepted", "told"),
    [
        ((True, "on", "on", "on"), ("fsync",), "standby"),
        ((False, "off", "on", "off"), (), "fsync is off"),
        ((False, "off", "off", "off"), ("synchronous_commit",), "fsync is off"),
    ],
)
def test_what_a_test_cannot_set_is_refused_too(
    settings: tuple[object, ...], accepted: tuple[str, ...], told: str
) -> None:
    """A standby, and fsync off, as the server would tell of them."""
    with pytest.raises(ConfigurationError, match=told):
        drive(durable(accepted), lambda statement: [settings])


@pytest.mark.parametrize("setting", ["on", "local", "remote_write", "remote_apply"])
def test_commits_that_wait_for_the_disk_are_fine(setting: str) -> None:
    """How far a standby has to be is the user's choice."""
    drive(durable(()), lambda statement: [(False, "off", setting, "on")])


def test_an_unknown_loss_is_refused() -> None:
    """A name that is misspelt would accept nothing."""
    with pytest.raises(ConfigurationError, match="not sync_commit"):
        PostgresStore("", accept_loss=("sync_commit",))  # type: ignore[arg-type]


def test_the_server_is_looked_at_once(ledgers: Ledgers) -> None:
    """A setting that changes later costs no delivery."""
    store = ledgers.ready()
    store.claim()
    ledgers.execute(f"ALTER DATABASE {ledgers.database} SET synchronous_commit = off")
    ledgers.cut_off()
    assert 1 == store.claim("evt_2").token
