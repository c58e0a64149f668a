"""The verbs of every delivery, with shorter ways for databases that have these steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from stripe_events.storage import _verbs
from stripe_events.storage._admission import admission, admitted
from stripe_events.storage._results import Enqueued

if TYPE_CHECKING:
    from collections.abc import Generator

    from stripe_events.storage._admission import Admit
    from stripe_events.storage._guesses import Guesses, Settle
    from stripe_events.storage._operations import Operation
    from stripe_events.storage._results import (
        Accepted,
        Arrival,
        Claim,
        Finished,
        HandlerResult,
        Plan,
        Recorded,
    )

ResultT = TypeVar("ResultT")

Step: TypeAlias = "Operation | Admit | Settle"
"""What such a store performs: the operations of the verbs, and two that spare some of them."""

Steps: TypeAlias = "Generator[Step, Any, ResultT]"


def accept(guesses: Guesses, arrival: Arrival, lease: float) -> Steps[Accepted]:
    """Record and claim at once what is absent; else see ``_verbs.accept``."""
    step = admission(arrival, lease)
    now = None if step is None else (yield step)
    if step is None or now is None:
        return (yield from _verbs.accept(arrival, lease))
    claimed = admitted(step, now)
    guesses.admitted(claimed)
    return claimed


def enqueue(arrival: Arrival) -> Steps[Recorded]:
    """Record at once what is absent; else see ``_verbs.enqueue``."""
    step = admission(arrival, None)
    if step is not None and (yield step) is not None:
        return Enqueued()
    return (yield from _verbs.enqueue(arrival))


def finish(guesses: Guesses, claim: Claim, result: HandlerResult, joined: Plan) -> Steps[Finished]:
    """Write at once what follows from what is remembered; else see ``_verbs.finish``."""
    guess = guesses.guess(claim, result, joined)
    if guess is not None and (yield guess.step):
        return guess.told
    return (yield from _verbs.finish(claim, result, joined))
