"""From redis-py's errors to the library's."""

from __future__ import annotations

from typing import Final

from redis import exceptions

from stripe_events.errors import StoreError

ERRORS: Final = (exceptions.RedisError, OSError, UnicodeError)
"""What a command raises; a text that UTF-8 cannot hold is refused by Python itself."""

BROKEN: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,
    OSError,
)
"""
The connection broke, nobody answered, or it leads to what was the primary: a new one may do.
"""

CLOSED: Final = "the store was closed"

_FIXES: Final[tuple[tuple[str, str], ...]] = (
    ("OOM", "its memory is full: raise maxmemory, or forget old events"),
    ("command not allowed when used memory", "raise maxmemory, or forget old events"),
    ("READONLY", "it is a replica: give the store the primary"),
    ("You can't write against a read only", "it is a replica: give the store the primary"),
    ("MISCONF", "it cannot write to its disk: see its log"),
    ("NOPERM", "the user needs +@hash +@sortedset +@scripting +time on the store's keys"),
    ("permission", "the user needs +@hash +@sortedset +@scripting +time on the store's keys"),
    ("username-password", "give the URL or the client the right user and password"),
    ("Authentication required", "give the URL or the client a user and password"),
)


def is_answer(error: BaseException) -> bool:
    """Tell whether a server has refused a command, and may take others by this connection."""
    return isinstance(error, exceptions.ResponseError) and not isinstance(error, BROKEN)


def exhausted(size: int, timeout: float) -> str:
    """Say that all connections are in use."""
    return f"none of {size} connections became free in {timeout:g} s: raise max_connections"


def told(error: Exception) -> StoreError:
    """Give what to raise from an error, with the cure where there is a known one."""
    lines = str(error).splitlines()
    reason = lines[0] if lines else type(error).__name__
    fix = next((f" ({text})" for sign, text in _FIXES if sign in reason), "")
    return StoreError(f"Redis: {reason}{fix}")
