"""
Compute, compare and make ``v1`` signatures.

A signature is the HMAC-SHA256, in lower-case hexadecimal digits, of the time, a
full stop and the raw body, with the whole ``whsec_...`` text as the key:
https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import time
from hmac import compare_digest, digest
from typing import TYPE_CHECKING

from stripe_events._messages import body_bytes
from stripe_events._verification.keys import read_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events._messages import Body
    from stripe_events._verification.header import SignatureHeader
    from stripe_events._verification.keys import Keys

__all__ = ["matching_name", "sign"]


def matching_name(keys: Keys, header: SignatureHeader, body: bytes) -> str | None:
    """
    Give the name of the first key for which any signature of the header matches.

    Returns None where no pair matches. This returns and does not raise, so that no
    traceback holds the frame with the expected digest.
    """
    timestamp, signatures = header
    signed = b"%b.%b" % (timestamp.encode("ascii"), body)
    for key in keys:
        expected = digest(key.secret, signed, "sha256").hex()
        for signature in signatures:
            if compare_digest(expected, signature):
                return key.name
    return None


def sign(
    body: Body, secret: str | Sequence[str], *, timestamp: int | None = None
) -> dict[str, str]:
    """
    Make the headers that Stripe would send with ``body``, for tests and local tools.

    Args:
        body: the raw body; a ``str`` is signed as UTF-8.
        secret: the signing secret, or several as while a secret is rolled: one
            ``v1`` item each, in their order.
        timestamp: when it was signed, in unix seconds; by default now.

    Returns:
        One header, ``{"Stripe-Signature": "t=...,v1=..."}``, as a new dict.

    Raises:
        ConfigurationError: a secret that ``SignatureVerifier`` would refuse as well.
    """
    seconds = str(int(time.time()) if timestamp is None else timestamp)
    signed = b"%b.%b" % (seconds.encode("ascii"), body_bytes(body))
    signatures = [digest(key.secret, signed, "sha256").hex() for key in read_keys(secret)]
    items = [f"t={seconds}", *(f"v1={signature}" for signature in signatures)]
    return {"Stripe-Signature": ",".join(items)}
