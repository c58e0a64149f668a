"""From how handlers ended to what is recorded, logged and told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stripe_events._delivery.effects import Finish
from stripe_events.errors import HandlerError, Permanent, RetryLater, StaleSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe_events._delivery.context import Context
    from stripe_events._event import AnyEvent
    from stripe_events.observers import HandlerRun


def finish_of(handler: str, context: Context, error: Exception | None) -> Finish:
    """Give the end of a run: what its error or its context says."""
    if error is not None and not is_stale(error):
        permanent = all(isinstance(leaf, Permanent) for leaf in leaves(error))
        return Finish(handler, "dead" if permanent else "failed", error)
    if error is not None or context.skipped is not None:
        return Finish(handler, "skipped")
    return Finish(handler, "succeeded", None, context.answer)


def is_stale(error: Exception) -> bool:
    """Tell whether a handler was stopped because a newer snapshot was handled."""
    return all(isinstance(leaf, StaleSnapshot) for leaf in leaves(error))


def runs(finished: Sequence[Finish]) -> tuple[HandlerRun, ...]:
    """Give what observers are told of the handlers."""
    from stripe_events.observers import HandlerRun

    return tuple(HandlerRun(f.handler, f.outcome, f.error) for f in finished)


def handler_error(event: AnyEvent, finished: list[Finish]) -> HandlerError:
    """Give all failures as one error, by the names of the handlers."""
    errors = {finish.handler: finish.error for finish in finished if finish.error is not None}
    message = (
        f"{len(errors)} of {len(finished)} handlers did not succeed for {event.id} "
        f"({event.type}): {', '.join(errors)}"
    )
    return HandlerError(message, [*errors.values()], [*errors])


def retry_after(finished: list[Finish]) -> float | None:
    """Give the seconds that all who asked to wait want to, so the most of them; or None."""
    errors = [finish.error for finish in finished if finish.error is not None]
    asked = [leaf for error in errors for leaf in leaves(error)]
    return max((leaf.after for leaf in asked if isinstance(leaf, RetryLater)), default=None)


def leaves(error: Exception) -> list[Exception]:
    """Give the errors in a group; a TaskGroup wraps what its tasks raise, directives too."""
    if isinstance(error, ExceptionGroup):
        group = cast("ExceptionGroup[Exception]", error)
        return [leaf for inner in group.exceptions for leaf in leaves(inner)]
    return [error]
