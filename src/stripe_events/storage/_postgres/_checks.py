"""What a server must not be, if it is to keep what the library promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from stripe_events.errors import ConfigurationError
from stripe_events.storage._postgres._scripts import Script, Statement

if TYPE_CHECKING:
    from collections.abc import Collection

Loss: TypeAlias = Literal["synchronous_commit", "fsync"]
"""
A setting that may be off although it loses what was acknowledged.

``synchronous_commit``: a crash of the server loses its last moments. ``fsync``: a crash of
its machine may lose anything.
"""

_SETTINGS: Final = (
    b"SELECT pg_is_in_recovery(), current_setting('transaction_read_only'), "
    b"current_setting('synchronous_commit'), current_setting('fsync')"
)


def durable(accepted: Collection[str]) -> Script[None]:
    """
    Look at the server as this role sees it in this database.

    Raises:
        ConfigurationError: it is a standby or read-only, or may lose what it has
            committed by a setting that is not ``accepted``.
    """
    ((standby, read_only, *settings),) = yield Statement(_SETTINGS)
    if standby:
        raise ConfigurationError("the server is a standby: give the store the DSN of the primary")
    if read_only == "on":
        raise ConfigurationError(
            "transactions are read-only by default here: give the store a role or database "
            "that may write (default_transaction_read_only)"
        )
    for name, value in zip(get_args(Loss), settings, strict=True):
        if value == "off" and name not in accepted:
            raise ConfigurationError(
                f"{name} is off: events that were acknowledged can be lost. Turn it on for "
                f'this role or database, or accept that by accept_loss=("{name}",)'
            )
