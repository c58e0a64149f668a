"""
The ``Stripe-Signature`` scheme: read the header, check it, say why it fails, sign.

The rules of this package: the body is bytes and is never decoded in order to
decide; signatures are compared in constant time; whatever is tried after a
mismatch only explains it and never turns it into a success; no secret, expected
digest or body enters a message, an exception's arguments or a ``repr``.
``stripe`` is not imported. docs/verification.md has every decision in a table.

The scheme is Stripe's: https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

from stripe_events._verification.diagnosis import Diagnosis
from stripe_events._verification.keys import Secrets
from stripe_events._verification.signature import sign
from stripe_events._verification.verifiers import (
    DEFAULT_TOLERANCE,
    SignatureVerifier,
    TrustedSource,
    Verification,
    Verifier,
)

__all__ = [
    "DEFAULT_TOLERANCE",
    "Diagnosis",
    "Secrets",
    "SignatureVerifier",
    "TrustedSource",
    "Verification",
    "Verifier",
    "sign",
]
