"""From exceptions to what the ledger keeps of them, bounded."""

from __future__ import annotations

import traceback

from stripe_events.storage._records import ErrorRecord

_MESSAGE = 1_000
_TRACEBACK = 8_000
"""Characters; of a longer traceback the end is kept, where the error is."""


def error_record(error: BaseException) -> ErrorRecord:
    """
    Give type, message and traceback of an error, as text that every database takes.

    ``attempt`` and ``at`` are left to the store.
    """
    cls = type(error)
    name = (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )
    lines = "".join(traceback.format_exception(error))
    message = "".join(traceback.format_exception_only(error)).strip().partition(": ")[2]
    return ErrorRecord(name, _clean(message)[:_MESSAGE], _clean(lines)[-_TRACEBACK:])


def _clean(text: str) -> str:
    # PostgreSQL keeps neither NUL nor lone surrogates.
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
