"""Planned handlers that the running code does not have: what is said of them, and when again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stripe_events._event import AnyEvent
    from stripe_events.storage._results import Claimed

AGAIN: Final = 60.0
"""Seconds, at most, until a worker looks whether the code has now what it lacked so long."""

_LONG: Final = 180.0
"""The same for what the code has lacked for longer: soon after it has come, all is to be run."""


def until_known(claimed: Claimed, missing: tuple[str, ...]) -> float:
    """Give the seconds until a worker looks again: the longer, the longer the code lacks them."""
    import random  # here, where nothing waits for a start-up

    records = [claimed.record.handler(name) for name in missing]
    since = [one.missing_since for one in records if one and one.missing_since is not None]
    lacked = claimed.now - max(since, default=claimed.now)
    most = min(max(lacked, AGAIN), _LONG)
    return random.uniform(most / 2, most)  # noqa: S311 - spreads load


def missing_message(event: AnyEvent, missing: tuple[str, ...]) -> str:
    """Say what to do about them; none: handlers have joined the plan since it was claimed."""
    if not missing:
        return f"handlers that joined the plan of {event.id} meanwhile are still to run"
    return (
        f"{', '.join(missing)} planned for {event.id} ({event.type}) does not exist in the running "
        "code: name its successor by formerly=, or say router.retire(name)"
    )
