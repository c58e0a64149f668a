"""What a case sends to an adapter and what comes back; and the three methods to give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stripe_events.router import EventRouter

__all__ = ["AdapterRequest", "AdapterResponse", "Hooks"]


class AdapterRequest(NamedTuple):
    """
    A request for an adapter.

    ``headers`` are pairs, in order, of which some may have the same name; the length of
    the body is not among them, unless a case is about it.
    """

    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class AdapterResponse(NamedTuple):
    """What an adapter answered; the names of ``headers`` in any case of letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Hooks:
    """How a case starts an adapter, speaks with it and stops it; to be given by a subclass."""

    def start(self, router: EventRouter) -> Any:
        """Put the adapter around a router, and give what ``send`` needs, such as an app."""
        raise NotImplementedError

    def send(self, app: Any, request: AdapterRequest) -> AdapterResponse:
        """Send a request, in process or over a socket, and give the answer; in any thread."""
        raise NotImplementedError

    def stop(self, app: Any) -> None:
        """Let go of what ``start`` made."""
