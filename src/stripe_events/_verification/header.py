"""
Read a ``Stripe-Signature`` header: ``t=<unix seconds>,v1=<hex>[,v1=<hex>][,v0=<hex>]``.

This module knows no secret and no body. It takes one spelling of a time, the one
Stripe writes, so that no two readers of a header can see different times in it.
"""

from __future__ import annotations

from typing import NoReturn, TypeAlias

from stripe_events._verification.diagnosis import Diagnosis
from stripe_events.errors import InvalidSignature, MissingSignature

__all__ = ["HEADER_LIMIT", "SIGNATURE_LIMIT", "SignatureHeader", "read_header"]

HEADER_LIMIT = 8192
"""The longest header that is read, in characters; Stripe's own has about 150."""

SIGNATURE_LIMIT = 16
"""The most ``v1`` items in a header; Stripe sends one per active secret."""

_TIME_DIGITS = 12
_OPTIONAL_WHITESPACE = " \t"  # RFC 9110, section 5.6.3


SignatureHeader: TypeAlias = tuple[str, list[str]]
"""
The time as it is written in a header, and every ``v1`` value in order.

A plain tuple, as every delivery makes one and a NamedTuple takes three times as long.
"""


def read_header(header: str | None) -> SignatureHeader:
    """
    Take the time and the ``v1`` signatures out of a header.

    Whitespace around an item, items of other schemes, items without a value and
    empty ones are passed over; none of them is signed or proves anything. Repeats
    of one ``t`` count once. A ``v1`` value is not looked at here: what is not 64
    lower-case hexadecimal digits simply matches nothing.

    Raises:
        MissingSignature: there is no header, or a blank one.
        InvalidSignature: it is over a limit, not ASCII, without a usable time,
            with two different ones, or without a ``v1`` item.
    """
    if header is None or not header.strip(_OPTIONAL_WHITESPACE):
        raise MissingSignature(
            "the request has no Stripe-Signature header: it is no webhook of Stripe's, "
            "or a proxy or the framework drops the header",
            diagnosis=Diagnosis.NO_HEADER,
        )
    if len(header) > HEADER_LIMIT:
        _refuse(f"it has more than {HEADER_LIMIT} characters")
    if not header.isascii():
        _refuse("it has characters outside ASCII")
    times: list[str] = []
    signatures: list[str] = []
    for item in header.split(","):
        name, _, value = item.strip(_OPTIONAL_WHITESPACE).partition("=")
        if name == "v1":
            signatures.append(value)
        elif name == "t":
            times.append(value)
    timestamp = _only_time(times)
    _check_count(len(signatures))
    return timestamp, signatures


def _only_time(times: list[str]) -> str:
    if not times:
        _refuse("it has no t= item")
    timestamp = times[0]
    if len(times) > 1 and any(other != timestamp for other in times):
        _refuse("it has two different t= items")
    # isdigit() alone would let the digits of other scripts pass, but the header is ASCII.
    if not timestamp.isdigit() or len(timestamp) > _TIME_DIGITS or timestamp[0] == "0":
        _refuse(
            f"its t= is not a time in seconds of at most {_TIME_DIGITS} digits, "
            "without a sign and without zeros in front"
        )
    return timestamp


def _check_count(signatures: int) -> None:
    if not signatures:
        raise InvalidSignature(
            "the Stripe-Signature header has no v1 signature; other schemes, such as the v0 "
            "of test events, prove nothing and are never accepted",
            diagnosis=Diagnosis.NO_V1,
        )
    if signatures > SIGNATURE_LIMIT:
        _refuse(f"it has more than {SIGNATURE_LIMIT} v1 signatures")


def _refuse(why: str) -> NoReturn:
    raise InvalidSignature(
        f"the Stripe-Signature header cannot be read: {why}",
        diagnosis=Diagnosis.UNREADABLE_HEADER,
    )
