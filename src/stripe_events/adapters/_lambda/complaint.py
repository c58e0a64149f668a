"""What is said of an event that a Lambda function does not serve."""

from __future__ import annotations

from typing import Final

from stripe_events.adapters._lambda.shapes import HTTP_SHAPES, EventSource, is_object, records_of

__all__ = ["complaint"]

_MOST_KEYS: Final = 40
_MOST_CHARACTERS: Final = 40


def complaint(event: object) -> str:
    """Say that an event is none that is served, and which keys it has; none of its values."""
    served = [shape.name for shape in HTTP_SHAPES] + [source.value for source in EventSource]
    return (
        f"the function was invoked by what it does not serve: {_found(event)}; "
        f"served are {', '.join(served)}"
    )


def _found(event: object) -> str:
    if not is_object(event):
        return f"the event is no object, but of type {type(event).__name__}"
    keys = list(event)
    first = next(iter(records_of(event)), None)
    for name, inner in {"requestContext": event.get("requestContext"), "Records[0]": first}.items():
        keys += [f"{name}.{key}" for key in inner] if is_object(inner) else []
    shown = ", ".join(repr(key)[:_MOST_CHARACTERS] for key in keys[:_MOST_KEYS])
    return f"the event has the keys {shown}"
