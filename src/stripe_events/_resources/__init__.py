"""
Resources as stripe-python's own objects.

This package is loaded when a handler first looks at a resource, and imports
``stripe`` then. What it gives is equal to what the SDK builds from the same
JSON; with stripe 15 and newer, values are converted as they are read, which
costs little where only some are. It never changes a payload, and nothing done
to an object reaches the payload it was built from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from stripe_events._fork import Lock
from stripe_events._resources._previous import previous_class

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["build", "build_previous", "preload"]

_choosing = Lock()
_chosen: _Builder | None = None

# A resource's class depends on the value of the first and the presence of the others.
_CLASS_DECIDING = ("object", "data", "next_page_url")


class _Builder(Protocol):
    """Turn JSON objects into objects of the SDK."""

    def build(self, raw: Mapping[str, Any]) -> Any:
        """Give the object for a resource, of the class that the SDK chooses."""
        ...

    def build_as(self, klass: type[Any], raw: Mapping[str, Any]) -> Any:
        """Give an object of this class."""
        ...


class _PublicConstructor:
    """Build through what stripe-python documents: every value at once."""

    def build(self, raw: Mapping[str, Any]) -> Any:
        import stripe

        event = stripe.Event.construct_from({"data": {"object": dict(raw)}}, None)
        return event.data.object

    def build_as(self, klass: type[Any], raw: Mapping[str, Any]) -> Any:
        return klass.construct_from(dict(raw), None)


def build(raw: Mapping[str, Any]) -> Any:
    """
    Give a payload's ``data.object`` as ``stripe.Webhook.construct_event`` does.

    The class is the one that its ``object`` names, ``stripe.StripeObject`` where
    that is absent or unknown to the installed stripe. Requests made through it
    use stripe's global options. The first call imports ``stripe``.
    """
    return _builder().build(raw)


def build_previous(current: Mapping[str, Any], previous: Mapping[str, Any]) -> Any:
    """
    Give the old values as an object of the class that ``build(current)`` has.

    A subclass, so that reading an attribute which is not among ``previous`` can
    raise an AttributeError that names ``event.changed()``. Copies and pickles
    keep that.
    """
    builder = _builder()
    outline = {
        key: current[key] if key == "object" else None for key in _CLASS_DECIDING if key in current
    }
    return builder.build_as(previous_class(builder.build(outline).__class__), previous)


def preload() -> None:
    """
    Import ``stripe`` and find out how to build with it, at start-up instead of at first use.

    Worth calling where start-up is cheaper than a late delivery: in the module
    of a Lambda function, or before a server forks its workers.
    """
    _builder()


def _builder() -> _Builder:
    return _chosen or _choose()


def _choose() -> _Builder:
    global _chosen  # noqa: PLW0603 - one choice per process
    from stripe_events._resources._recognition import recognised_conversion

    with _choosing:
        if _chosen is None:
            _chosen = recognised_conversion() or _PublicConstructor()
        return _chosen
