"""The ends of many handlers in one commit, where nobody else has touched their events since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import ProcessingError
from stripe_events.storage import _verbs
from stripe_events.storage._operations import Change, WriteEach

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stripe_events.storage._guesses import Guess, Guesses
    from stripe_events.storage._results import Ending, Finished
    from stripe_events.storage._verbs import Verb


def finish_each(
    guesses: Guesses, endings: Sequence[Ending]
) -> Verb[list[Finished | ProcessingError]]:
    """Record what follows from what is remembered at once, the rest one by one."""
    guessed = [guesses.guess(*ending) for ending in endings]
    made = yield from _made_at_once([guess for guess in guessed if guess])
    told: list[Finished | ProcessingError] = []
    for ending, guess in zip(endings, guessed, strict=True):
        if guess is not None and next(made):
            told.append(guess.told)
        else:
            told.append((yield from _finished(ending)))
    return told


def _made_at_once(guesses: list[Guess]) -> Verb[Iterator[bool]]:
    if not guesses:
        return iter(())
    changes = tuple(Change(guess.step.old, guess.step.new) for guess in guesses)
    made: tuple[bool, ...] = yield WriteEach(changes)
    return iter(made)


def _finished(ending: Ending) -> Verb[Finished | ProcessingError]:
    try:
        return (yield from _verbs.finish(*ending))
    except ProcessingError as error:
        return error
