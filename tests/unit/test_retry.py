"""``Retry``: how long a handler that failed waits, and when it is given up; pure."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stripe_events import EventRouter, Retry
from stripe_events.errors import UsageError
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import MemoryStore

TIMES = 200
"""Tries of what is random; what holds must hold in each."""


@pytest.mark.parametrize("attempts", [1, 2, 3, 5, 9, 10, 25, 61, 10_000])
def test_the_pause_is_random_below_a_growing_limit(attempts: int) -> None:
    """A second at least; twice as long after each failure, an hour at the utmost."""
    pauses = [Retry().delay(attempts) for _ in range(TIMES)]

    most = 10.0 * 2.0 ** (attempts - 1) if attempts < 10 else 3_600.0
    assert all(1 <= pause <= min(3_600.0, most) for pause in pauses)
    assert TIMES == len(set(pauses))


def test_the_pause_is_spread_over_all_of_it() -> None:
    """Full jitter: what failed together does not come again together."""
    pauses = [Retry(first=100.0).delay(1) for _ in range(TIMES)]

    # By chance one of these fails in fewer than one of 10^20 runs.
    assert min(pauses) < 25
    assert max(pauses) > 75


def test_the_pauses_can_be_chosen() -> None:
    """Below a second, too, for tests and those who know."""
    short = Retry(first=0.25, most=0.5)

    assert {0.25} == {short.delay(1) for _ in range(TIMES)}
    assert {0.5} == {short.delay(attempts) for attempts in (2, 3, 50)}


@pytest.mark.parametrize(
    ("attempts", "age", "is_over"),
    [
        (1, 0.0, False),
        (249, 0.0, False),
        (250, 0.0, True),
        (251, 0.0, True),
        (2, 259_199.0, False),
        (2, 259_200.0, True),
        (1, 259_200.0, False),
    ],
)
def test_it_is_over_by_attempts_or_age(attempts: int, age: float, *, is_over: bool) -> None:
    """250 runs, or three days; what an operator tries again has two runs at any age."""
    assert is_over == Retry().is_over(attempts, age)


def test_by_default_the_age_decides() -> None:
    """All attempts together take more than the three days, by far more than chance can shorten."""
    pauses = [Retry().delay(attempts) for attempts in range(1, Retry().attempts)]
    assert sum(pauses) > 1.3 * Retry().age


def test_one_attempt_may_be_all() -> None:
    """For what must not be repeated."""
    assert Retry(attempts=1).is_over(1, 0.0)


@pytest.mark.parametrize(
    "retry",
    [
        Retry(attempts=0),
        Retry(attempts=-1),
        Retry(attempts=2.5),
        Retry(attempts=math.inf),
        Retry(attempts="3"),
        Retry(attempts=None),
        Retry(age=0.0),
        Retry(age=math.inf),
        Retry(age=math.nan),
        Retry(age="1d"),
        Retry(age=None),
        Retry(first=0.0),
        Retry(first=-1.0),
        Retry(most=0.0),
        Retry(most=math.inf),
        (3, 60.0, 1.0, 1.0),
        {"attempts": 3},
        3,
        "never",
        False,
        Retry,
    ],
)
def test_what_cannot_be_meant_is_refused(retry: Any) -> None:
    """By router and handler, when it is said; the message names the option."""
    with pytest.raises(UsageError, match=r"retry=|Retry\("):
        EventRouter(store=MemoryStore(), retry=retry)
    router = EventRouter(store=MemoryStore())
    with pytest.raises(UsageError, match=r"retry=|Retry\("):
        router.on(ChargeSucceeded, name="a", retry=retry)
