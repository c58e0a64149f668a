"""
What a contract insists on, in words.

A failure says which promise is broken, for nothing rewrites assertions here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check", "check_raises", "check_that", "check_type"]

T = TypeVar("T")


def check(expected: object, actual: object, what: str) -> None:
    """
    Insist that two values are equal.

    Raises:
        AssertionError: they differ.
    """
    if expected != actual:
        raise AssertionError(_told(what, repr(expected), repr(actual)))


def check_that(holds: bool, what: str, actual: object) -> None:  # noqa: FBT001 - it is the subject
    """
    Insist on what is no equality.

    Raises:
        AssertionError: it does not hold.
    """
    if not holds:
        raise AssertionError(f"{what}\n  actual:   {actual!r}")


def check_type(expected: type[T], actual: object, what: str) -> T:
    """
    Insist on the type of a result, and give it.

    Raises:
        AssertionError: it is of another type.
    """
    if not isinstance(actual, expected):
        raise AssertionError(_told(what, expected.__name__, repr(actual)))  # noqa: TRY004
    return actual


def check_raises(expected: type[Exception], what: str, call: Callable[[], Any]) -> Exception:
    """
    Insist that a call raises, and give the error.

    Raises:
        AssertionError: it gave something, or raised another error.
    """
    try:
        given = call()
    except expected as error:
        return error
    except Exception as error:
        raise AssertionError(_told(what, f"{expected.__name__} raised", repr(error))) from error
    raise AssertionError(_told(what, f"{expected.__name__} raised", repr(given)))


def _told(what: str, expected: str, actual: str) -> str:
    return f"{what}\n  expected: {expected}\n  actual:   {actual}"
