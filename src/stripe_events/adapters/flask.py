"""A Flask view around a router."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, ClassVar

from flask import Response, request
from flask.views import View
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from stripe_events.adapters._endpoint import Endpoint

if TYPE_CHECKING:
    from flask.typing import RouteCallable

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["flask_view"]


def flask_view(router: EventRouter | Endpoint, *, name: str = "stripe_webhook") -> RouteCallable:
    """
    Make a Flask view of a router; it answers every method itself.

    With both forms of its URL::

        app.add_url_rule("/stripe", view_func=flask_view(router), strict_slashes=False)

    Without ``strict_slashes=False`` one of ``/stripe`` and ``/stripe/`` is redirected or not
    found, and Stripe follows no redirects. What runs before the view may call ``get_data``
    or ``get_json``. With Flask-WTF's CSRFProtect: ``csrf.exempt(view)``.

    Args:
        router: who handles; or an endpoint of another kind.
        name: Flask's name of the endpoint, for ``url_for``; each view of an app has its own.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async.
    """
    return _Webhook.as_view(name, Endpoint.of(router))


class _Webhook(View):
    # All, so that the endpoint decides: some answer OPTIONS.
    methods: ClassVar = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    provide_automatic_options = False
    init_every_request = False

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def dispatch_request(self) -> Response:
        headers = dict(iter(request.headers))  # which are slow to search, and are so often
        it = self._endpoint.unread(request.method, headers) or self._read_and_handle(headers)
        return Response(it.body, it.status, it.headers)

    def _read_and_handle(self, headers: dict[str, str]) -> WebhookResponse:
        try:
            body = self._read()
        except RequestEntityTooLarge:
            return self._endpoint.too_large("MAX_CONTENT_LENGTH")
        except (HTTPException, OSError) as error:  # the client went away
            return self._endpoint.truncated(error)
        incomplete = self._endpoint.incomplete(body, headers)
        return incomplete or self._endpoint.handle(body, headers)

    def _read(self) -> bytes:
        if request.content_length is not None:  # which was checked
            return request.get_data()
        return _read(request.stream, self._endpoint.max_body_bytes + 1) or request.get_data()


def _read(stream: IO[bytes], wanted: int) -> bytes:
    chunks: list[bytes] = []
    while wanted > 0 and (chunk := stream.read(wanted)):
        chunks.append(chunk)
        wanted -= len(chunk)
    return b"".join(chunks)
