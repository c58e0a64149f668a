"""The closed set of reasons why a signature does not hold."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Diagnosis"]


class Diagnosis(StrEnum):
    """
    Name why a signature does not hold, for logs, metrics and alarms.

    It is the ``diagnosis`` of a ``SignatureError``; the error's message says the
    same in a sentence, and whether it is proved or only likely.
    """

    NO_HEADER = "no_header"
    UNREADABLE_HEADER = "unreadable_header"
    NO_V1 = "no_v1"
    BODY_ALTERED = "body_altered"
    BODY_RESERIALISED = "body_reserialised"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a diagnosis, no password
    SECRET_OF_ANOTHER_KIND = "secret_of_another_kind"  # noqa: S105 - likewise
    TOO_OLD = "too_old"
    FROM_THE_FUTURE = "from_the_future"
