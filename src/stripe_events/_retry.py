"""How often, and how soon, a handler that failed is tried again by a worker; pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from stripe_events.errors import UsageError

_LEAST = 1.0
_SURE_ATTEMPTS = 2
_DOUBLINGS = 60

_LIMITS = "{!r}: attempts is a whole number from 1 up, the others are seconds above 0, finite"


class Retry(NamedTuple):
    """
    How a worker tries again what failed: exponential backoff with full jitter.

    After its n-th failure a handler waits a random time of up to ``first * 2 ** (n - 1)``
    seconds, ``most`` at the utmost and one second at least. ``RetryLater`` says it better.
    Stripe's own deliveries are not counted out: it keeps to a schedule of its own.

    ``age``: a handler that fails when its event was recorded so many seconds ago is dead, from
    its second run on, so that what an operator retries is tried again. By default that is
    after three days, for as long as Stripe would go on. ``attempts``: so is one that has
    failed so many times, by default more than three days have room for. Handlers that are
    dead wait for ``stripe-events events retry``.
    """

    attempts: int = 250
    age: float = 259_200.0
    first: float = 10.0
    most: float = 3_600.0

    def delay(self, attempts: int) -> float:
        """Give the seconds to wait after so many runs, another one each time."""
        import random  # here, where nothing waits for a start-up

        most = min(self.most, self.first * 2.0 ** min(attempts - 1, _DOUBLINGS))
        return random.uniform(min(_LEAST, most), most)  # noqa: S311 - spreads load

    def is_over(self, attempts: int, age: float) -> bool:
        """Tell whether a handler that failed again, after so many runs, is to be dead."""
        return attempts >= self.attempts or (age >= self.age and attempts >= _SURE_ATTEMPTS)


def checked(retry: object) -> Retry:
    """
    Give what was passed as ``retry=``.

    Raises:
        UsageError: it is no ``Retry``, or one that cannot be meant.
    """
    if not isinstance(retry, Retry):
        msg = f"retry= is a Retry(attempts=..., age=..., first=..., most=...), not {retry!r}"
        raise UsageError(msg)
    if not (_is_count(retry.attempts) and all(map(_is_time, retry[1:]))):
        raise UsageError(_LIMITS.format(retry))
    return retry


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < math.inf
