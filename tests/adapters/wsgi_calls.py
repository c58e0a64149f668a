"""WSGI apps of frameworks, called in this process as a server would call them."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from stripe_events.testing import AdapterContract, AdapterRequest, AdapterResponse
from tests.unit.deliveries import signed, snapshot
from tests.unit.test_wsgi_contract import environment

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from stripe_events import EventRouter

__all__ = ["BOTH", "CalledContract", "Endless", "Gone", "answer", "call", "chunked", "outcome"]

BOTH = ("/stripe", "/stripe/")
"""Stripe follows no redirects, so both are to be served."""


class Gone(io.BytesIO):
    """The input of a server whose client went away."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail as servers do."""
        raise OSError("the client went away")


class Endless(io.BytesIO):
    """The input of a server whose client never stops."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Give as much as is asked for, but not everything."""
        assert size is not None
        assert size > 0
        return b" " * size


def call(
    app: WSGIApplication, request: AdapterRequest, path: str = "/stripe", **environ: Any
) -> AdapterResponse:
    """Call an app in this thread, and close what it gives."""
    started: list[Any] = []
    given = environment(request) | {"SCRIPT_NAME": "", "PATH_INFO": path} | environ
    with ExitStack() as stack:
        chunks = app(given, lambda *arguments: started.append(arguments) or print)
        stack.callback(getattr(chunks, "close", dict))
        body = b"".join(chunks)
    status, headers = started[-1][:2]
    return AdapterResponse(int(status.split()[0]), dict(headers), body)


def answer(
    app: WSGIApplication,
    path: str = "/stripe",
    *,
    payload: object = None,
    kind: str = "application/json; charset=utf-8",
    **environ: Any,
) -> AdapterResponse:
    """Deliver a signed event; ``environ`` replaces what a server would say of it."""
    body, headers = signed(payload or snapshot())
    request = AdapterRequest("POST", (("Content-Type", kind), *headers.items()), body)
    return call(app, request, path, **environ)


def outcome(answered: AdapterResponse) -> tuple[int, str]:
    """Give the status, and the outcome if it is ours."""
    return answered.status, json.loads(answered.body)["outcome"]


def chunked(*, terminated: bool) -> dict[str, Any]:
    """Give what servers say of a chunked body: that they see its end, or nothing."""
    environ: dict[str, Any] = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    return environ | ({"wsgi.input_terminated": True} if terminated else {})


class CalledContract(AdapterContract):
    """The contract over calls; a subclass gives ``app``."""

    def app(self, router: EventRouter) -> WSGIApplication:
        """Give an app with the adapter at /stripe."""
        raise NotImplementedError

    def start(self, router: EventRouter) -> WSGIApplication:
        """Give the app."""
        return self.app(router)

    def send(self, app: WSGIApplication, request: AdapterRequest) -> AdapterResponse:
        """Call it."""
        return call(app, request)
