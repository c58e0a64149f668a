"""What errors of AWS mean: to try again, that a condition does not hold, or a cure to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events.errors import ConfigurationError, StoreError
from stripe_events.storage._dynamodb._aws import ClientError, NoAnswerError, NoRegionError

if TYPE_CHECKING:
    from stripe_events.errors import StripeEventsError
    from stripe_events.storage._dynamodb._values import Item

_TRANSIENT: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_MAKE: Final = "call store.create_table(), once per deployment, with a role that may create it"
_TOO_LARGE: Final = "an event with so many handlers, or such long texts, exceeds the 400 kB of an"

_CURES: Final = (
    ("Item size", f"{_TOO_LARGE} item"),
    ("size limit", f"{_TOO_LARGE} item, or its id or order key those of a key"),
    (
        "AccessDenied",
        "the role may not do this: the docstring of DynamoDBStore tells what it needs",
    ),
    ("ExpiredToken", "the credentials have expired"),
    ("UnrecognizedClient", "the credentials are not valid"),
)
_MISFITS: Final = ("key element", "required keys", "specified index", "mismatch for key")
"""What a ValidationException says if the table or an index has other keys than the store's."""


class DoesNotHold(Exception):  # noqa: N818 - it is an answer
    """Say that a condition did not hold; ``found`` are the items that were there instead."""

    def __init__(self, found: list[Item]) -> None:
        super().__init__("a condition did not hold")
        self.found = found


def is_transient(error: Exception) -> bool:
    """Tell whether the same call may succeed in a moment; it may also have been done already."""
    if isinstance(error, ClientError):
        return not _codes(error).isdisjoint(_TRANSIENT) or _status(error) >= 500  # noqa: PLR2004 - the server's fault
    return isinstance(error, NoAnswerError)


def unmet(error: Exception) -> DoesNotHold | None:
    """Give the answer if the error says that a condition did not hold."""
    if not isinstance(error, ClientError):
        return None
    if "ConditionalCheckFailedException" in _codes(error):
        return DoesNotHold(_found([_response(error)]))
    if "ConditionalCheckFailed" in _codes(error):
        return DoesNotHold(_found(_reasons(error)))
    return None


def told(error: Exception, table: str) -> StripeEventsError:
    """Give what to raise, with the cure where there is a known one."""
    where, said = f"DynamoDB table {table}", _said(error)
    if isinstance(error, NoRegionError):
        return ConfigurationError(f"{where}: no region is set: AWS_DEFAULT_REGION, or a client's")
    if is_transient(error):
        return StoreError(f"{where}: it did not answer, or was too busy, for too long ({said})")
    if "ResourceNotFound" in said:
        return ConfigurationError(f"{where}: the table or an index of it is missing: {_MAKE}")
    if any(words in said for words in _MISFITS):
        return ConfigurationError(f"{where}: {misfit(said)}")
    cure = next((cure for words, cure in _CURES if words in said), "it refused")
    return StoreError(f"{where}: {cure} ({said})")


def misfit(why: str) -> str:
    """Say that a table is not one of the store's."""
    return (
        f"it has other keys or indexes than a ledger's ({why}): give the store another name, and"
        f" {_MAKE}"
    )


def _said(error: Exception) -> str:
    """Give what the service says, of a transaction also why each part failed."""
    reasons = _reasons(error) if isinstance(error, ClientError) else []
    return " ".join([str(error), *(one["Message"] for one in reasons if one.get("Message"))])


def _response(error: Any) -> Any:
    return error.response


def _codes(error: Any) -> set[str]:
    code: str = _response(error).get("Error", {}).get("Code", "")
    return {code, *(reason.get("Code", "") for reason in _reasons(error))}


def _status(error: Any) -> int:
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _reasons(error: Any) -> list[Any]:
    """Give why each part of a transaction failed."""
    return _response(error).get("CancellationReasons") or []


def _found(places: list[Any]) -> list[Item]:
    return [place["Item"] for place in places if place.get("Item")]
