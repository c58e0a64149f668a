"""The time that an invocation of a Lambda function has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TimeLeft"]

_MARGIN: Final = 0.5
"""Seconds between the handlers' deadline and the end of the invocation, to record and answer."""

_SPARE: Final = 2.0
"""Seconds that a claim outlasts an invocation that was ended: then another may take over."""

_LEAST: Final = 1.0
"""Seconds; with fewer left, nothing new is started."""


class TimeLeft:
    """
    How long an invocation may still last, as its context tells.

    Args:
        context: what Lambda gives to the function; of None, or of what local tools give in
            place of it and cannot tell a time, the router's own limits are left as they are.
    """

    def __init__(self, context: object) -> None:
        """Ask nothing yet: the time goes on."""
        self._milliseconds: Callable[[], float] | None = getattr(
            context, "get_remaining_time_in_millis", None
        )

    def limits(self) -> dict[str, float]:
        """
        Give ``time_limit`` and ``lease``, in seconds from now, for the router.

        The claim outlasts the invocation, so that no thread has to extend it: Lambda
        stops all threads between two invocations.
        """
        if self._milliseconds is None:
            return {}
        seconds = max(0.0, self._milliseconds() / 1000)
        return {"time_limit": seconds - _MARGIN, "lease": seconds + _SPARE}

    def is_up(self) -> bool:
        """Tell whether too little is left to start anything."""
        return self._milliseconds is not None and self._milliseconds() / 1000 < _LEAST
