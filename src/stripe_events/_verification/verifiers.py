"""Verifiers: what decides whether a delivery may be trusted."""

from __future__ import annotations

import time
from sys import float_info
from typing import TYPE_CHECKING, NamedTuple, Protocol

from stripe_events._callables import is_async
from stripe_events._messages import find_header
from stripe_events._verification.diagnosis import Diagnosis
from stripe_events._verification.header import read_header
from stripe_events._verification.keys import AskedKeys, FixedKeys, read_keys
from stripe_events._verification.signature import matching_name
from stripe_events.errors import ConfigurationError, ExpiredSignature, InvalidSignature

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events._messages import Headers
    from stripe_events._verification.header import SignatureHeader
    from stripe_events._verification.keys import Keys, Secrets

__all__ = ["DEFAULT_TOLERANCE", "SignatureVerifier", "TrustedSource", "Verification", "Verifier"]

DEFAULT_TOLERANCE = 300.0
"""
How far the time of signing may be from now, in seconds; every SDK of Stripe's has
the same: https://docs.stripe.com/webhooks#replay-attacks
"""


class Verification(NamedTuple):
    """
    What is known of a delivery that was accepted.

    ``secret`` is the name of the secret that matched, never the secret itself:
    its name in the mapping, its index in the list ("0"), or "default" for a single
    one. ``timestamp`` is when it was signed, in unix seconds. Both are None where
    no signature was checked.
    """

    secret: str | None
    timestamp: int | None


class Verifier(Protocol):
    """Decide whether a delivery may be trusted, before anything reads its body."""

    @property
    def blocking(self) -> bool:
        """Whether ``verify`` may wait on a network or disk; async drivers then use a thread."""
        ...

    def verify(self, body: bytes, headers: Headers) -> Verification:
        """
        Say what is known of an authentic delivery; called by several threads at once.

        Raises:
            SignatureError: the delivery is not authentic, or cannot be shown to be.
            ConfigurationError: this side cannot decide.
        """
        ...


class SignatureVerifier:
    """
    Accept what one of the signing secrets signed within the time window.

    Args:
        secrets: one secret; several; several by name; or a callable that gives any
            of these. A callable is asked at the first delivery, and again when no
            secret matches, at most once a minute.
        tolerance: how far the time of signing may be from now, in seconds, in the
            past and in the future; exactly as far is accepted.
        clock: gives the time in unix seconds.
        monotonic: gives the seconds by which the minute between two askings is
            measured.

    Raises:
        ConfigurationError: a secret is blank, surrounded by whitespace, no str or
            an API key; there is none; the callable is async; or ``tolerance`` is
            not a finite number above 0.
    """

    __slots__ = ("_blocking", "_clock", "_keys", "_tolerance")

    def __init__(
        self,
        secrets: Secrets,
        *,
        tolerance: float = DEFAULT_TOLERANCE,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Check the settings; a callable is not asked yet."""
        if callable(secrets) and is_async(secrets):
            raise ConfigurationError(
                "secrets= is an async function: give a plain one, which is called in a thread "
                "where an event loop must not wait"
            )
        self._keys = (
            AskedKeys(secrets, monotonic) if callable(secrets) else FixedKeys(read_keys(secrets))
        )
        self._blocking = isinstance(self._keys, AskedKeys)
        self._tolerance = _checked(tolerance)
        self._clock = clock

    @property
    def blocking(self) -> bool:
        """Whether secrets are asked for, which may take a network or a disk."""
        return self._blocking

    def verify(self, body: bytes, headers: Headers) -> Verification:
        """
        Say which secret signed this body, and when.

        Every ``v1`` signature is compared with every secret, in constant time; the
        age is looked at only after a match, so that it says something.

        Raises:
            MissingSignature: there is no header.
            InvalidSignature: the header cannot be read, or no signature matches.
            ExpiredSignature: a signature matches, but lies outside the window.
            ConfigurationError: the callable failed before it ever gave secrets.
        """
        header = read_header(find_header(headers, "stripe-signature"))
        keys = self._keys.current()
        name = matching_name(keys, header, body)
        if name is None:
            name = self._match_newer_or_refuse(header, body, keys)
        timestamp = int(header[0])
        age = self._clock() - timestamp
        if not -self._tolerance <= age <= self._tolerance:
            self._refuse_age(age)
        return Verification(name, timestamp)

    def _match_newer_or_refuse(self, header: SignatureHeader, body: bytes, tried: Keys) -> str:
        trouble = ""
        keys = tried
        try:
            keys = self._keys.refreshed()
        except ConfigurationError as error:
            trouble = f" (secrets may be out of date: {error})"
        name = None if keys is tried else matching_name(keys, header, body)
        if name is None:
            from stripe_events._verification.cause import find_cause

            cause = find_cause(header, body, keys)
            raise InvalidSignature(cause.message + trouble, diagnosis=cause.diagnosis)
        return name

    def _refuse_age(self, age: float) -> None:
        if age < 0:
            raise ExpiredSignature(
                f"the signature holds, but was made {-age:.1f} s in the future, and "
                f"{self._tolerance:g} s are allowed: is the clock of this machine slow?",
                diagnosis=Diagnosis.FROM_THE_FUTURE,
            )
        raise ExpiredSignature(
            f"the signature holds, but was made {age:.1f} s ago, and {self._tolerance:g} s are "
            "allowed: was the delivery kept and verified later, or sent again by somebody else, "
            "or is the clock of this machine fast? Stripe signs every retry anew",
            diagnosis=Diagnosis.TOO_OLD,
        )

    def __repr__(self) -> str:
        """Show the names of the secrets, never a secret."""
        return f"SignatureVerifier(secrets={self._keys!r}, tolerance={self._tolerance:g})"


class TrustedSource:
    """
    Accept everything: no signature is checked.

    Only for input that something else has authenticated, such as IAM or a queue
    that nobody else can write to. On an endpoint that the internet reaches, anyone
    could send events.
    """

    __slots__ = ()

    @property
    def blocking(self) -> bool:
        """False: nothing is looked at."""
        return False

    def verify(self, body: bytes, headers: Headers) -> Verification:  # noqa: ARG002 - a Verifier
        """Know nothing of the delivery, and accept it."""
        return Verification(None, None)

    def __repr__(self) -> str:
        """Show what it is."""
        return "TrustedSource()"


def _checked(tolerance: object) -> float:
    if isinstance(tolerance, (int, float)) and 0 < tolerance <= float_info.max:
        return float(tolerance)
    raise ConfigurationError(
        f"tolerance= must be a finite number of seconds above 0, not {tolerance!r}: without a "
        "window, a recorded delivery could be sent again for ever"
    )
