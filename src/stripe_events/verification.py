"""
What decides whether a delivery may be trusted: verifiers, for ``EventRouter(verifier=...)``.

A router with ``secrets=`` has a ``SignatureVerifier``. Anything with the two members
of ``Verifier`` can stand in its place.
"""

from __future__ import annotations

from stripe_events._verification import (
    Diagnosis,
    Secrets,
    SignatureVerifier,
    TrustedSource,
    Verification,
    Verifier,
)

__all__ = [
    "Diagnosis",
    "Secrets",
    "SignatureVerifier",
    "TrustedSource",
    "Verification",
    "Verifier",
]
