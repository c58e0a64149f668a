"""Settings by which acknowledged events can be lost, where users say that they accept it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from stripe_events.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection


def known(accepted: Collection[str], losses: Any) -> frozenset[str]:
    """
    Give what was accepted; ``losses`` is the ``Literal`` of what a store knows.

    Raises:
        ConfigurationError: a name means nothing to it.
    """
    unknown = set(accepted) - set(get_args(losses))
    if unknown:
        raise ConfigurationError(
            f"accept_loss takes {', '.join(get_args(losses))}, not {', '.join(sorted(unknown))}"
        )
    return frozenset(accepted)
