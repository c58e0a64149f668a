"""How a case speaks with an adapter: three methods to give, what is sent, what comes back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from stripe_events._verification import sign
from stripe_events.router import EventRouter

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

__all__ = ["SECRET", "AdapterRequest", "AdapterResponse", "Hooks", "Serving", "event", "signed"]

SECRET = "whsec_contract"  # noqa: S105 - made up


class AdapterRequest(NamedTuple):
    """
    A request for an adapter.

    ``headers`` are pairs, in order, of which some may have the same name. They hold
    neither the length of the body nor a host: a client adds these.
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
        """
        Send a request, in process or over a socket, and give the answer.

        Called by several threads at once. A client that refuses to send a repeated header
        may join the values by a comma, as servers do.
        """
        raise NotImplementedError

    def stop(self, app: Any) -> None:
        """Let go of what ``start`` made; the router is closed afterwards."""

    @contextmanager
    def serving(self, **options: Any) -> Generator[Serving, None, None]:
        """Have the adapter around a new router for as long as a block lasts."""
        options.setdefault("secrets", SECRET)
        router = EventRouter(**options)
        serving = Serving(self, router)
        try:
            yield serving
        finally:
            if serving.app is not None:
                self.stop(serving.app)
            router.close()


class Serving:
    """A router and the adapter around it, which starts with the first request."""

    def __init__(self, hooks: Hooks, router: EventRouter) -> None:
        """Take the router, for handlers to be registered."""
        self.router = router
        self.app: Any = None
        self._hooks = hooks

    def start(self) -> None:
        """Start the adapter, once all handlers are there."""
        self.app = self._hooks.start(self.router)

    def send(self, method: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Answered:
        """Send any request."""
        if self.app is None:
            self.start()
        answer = self._hooks.send(self.app, AdapterRequest(method, headers, body))
        headers_of = {name.lower(): value for name, value in answer.headers.items()}
        return Answered(answer.status, headers_of, answer.body)

    def deliver(self, body: bytes) -> Answered:
        """Send a body as Stripe would."""
        return self.send("POST", signed(body), body)


class Answered(NamedTuple):
    """What an adapter answered; the names of ``headers`` in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Give what the body says."""
        return json.loads(self.body)


def event(id_: str = "evt_1", **fields: Any) -> bytes:
    """Give an event as Stripe writes it."""
    resource = {"id": "ch_1", "object": "charge", "amount": 2000, **fields}
    head = {"id": id_, "object": "event", "type": "charge.succeeded"}
    return json.dumps({**head, "data": {"object": resource}}, indent=2).encode()


def signed(body: bytes) -> tuple[tuple[str, str], ...]:
    """Give the headers with which Stripe would send a body."""
    kind = ("Content-Type", "application/json; charset=utf-8")
    return (kind, *sign(body, SECRET).items())
