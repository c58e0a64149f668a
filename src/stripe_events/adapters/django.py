"""
Django views around a router, sync and async, and their URL with and without a slash.

They are views like any other, so Django REST framework's defaults do not touch them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.core.exceptions import RequestDataTooBig
from django.db import connections, transaction
from django.http import HttpResponse
from django.http.request import RawPostDataException
from django.urls import re_path
from django.views.decorators.common import no_append_slash
from django.views.decorators.csrf import csrf_exempt

from stripe_events.adapters._endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any, TypeAlias, TypeVar

    from django.http import HttpRequest
    from django.urls import URLPattern

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

    _View: TypeAlias = Callable[[HttpRequest], HttpResponse]
    _AsyncView: TypeAlias = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]
    _V = TypeVar("_V", bound=Callable[..., Any])

__all__ = ["adjango_view", "django_view", "webhook_path"]


def django_view(router: EventRouter | Endpoint) -> _View:
    """
    Make a Django view of a router.

    With both forms of its URL::

        urlpatterns = [webhook_path("hooks/stripe", django_view(router))]

    It needs no CSRF token, and ATOMIC_REQUESTS does not apply: a handler that is to commit
    together with the ledger opens a transaction of its own. ``max_body_bytes`` of the router
    counts, not DATA_UPLOAD_MAX_MEMORY_SIZE. What runs before the view may look at
    ``request.body``.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async: use ``adjango_view``.
    """
    endpoint = Endpoint.of(router)

    def stripe_webhook(request: HttpRequest) -> HttpResponse:
        headers = dict(request.headers.items())
        read = _read(endpoint, request, headers)
        if isinstance(read, bytes):
            read = endpoint.handle(read, headers)
        return _answer(request, read)

    return _as_webhook(stripe_webhook)


def adjango_view(router: EventRouter | Endpoint) -> _AsyncView:
    """
    Make an async Django view of a router, for projects that are served by ASGI.

    The same as ``django_view``, but handlers run as under ``ahandle``, and the store
    may be async.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    endpoint = Endpoint.of(router, is_async=True)

    async def stripe_webhook(request: HttpRequest) -> HttpResponse:
        headers = dict(request.headers.items())
        read = _read(endpoint, request, headers)
        if isinstance(read, bytes):
            read = await endpoint.ahandle(read, headers)
        return _answer(request, read)

    return _as_webhook(stripe_webhook)


def webhook_path(route: str, view: Callable[..., Any], name: str | None = None) -> URLPattern:
    """
    Give the URL pattern of a webhook, as ``path`` does, with and without a slash at its end.

    Stripe follows no redirects, so APPEND_SLASH cannot help. ``reverse(name)`` gives the
    URL without the slash.

    Args:
        route: the URL as it stands, such as ``"hooks/stripe"``; no part of it is a variable.
        view: ``django_view(router)`` or ``adjango_view(router)``.
        name: for ``reverse``.
    """
    return re_path(rf"^{re.escape(route.rstrip('/'))}/?\Z", view, name=name)


def _as_webhook(view: _V) -> _V:
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return csrf_exempt(no_append_slash(view))


def _read(
    endpoint: Endpoint, request: HttpRequest, headers: dict[str, str]
) -> bytes | WebhookResponse:
    refused = endpoint.unread(request.method or "", headers)
    if refused is not None:
        return refused
    try:
        body = _body(request, endpoint.max_body_bytes + 1)
    except RequestDataTooBig:
        return endpoint.too_large("DATA_UPLOAD_MAX_MEMORY_SIZE")
    except (OSError, RawPostDataException) as error:  # the client went away; or it was read before
        return endpoint.truncated(error)
    return endpoint.incomplete(body, headers) or body


def _body(request: HttpRequest, most: int) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        if body := request.read(most):  # which does not ask that setting
            return body
        raise  # a chunked body under ASGI: Django 6 has gone to its end to measure it


def _answer(request: HttpRequest, it: WebhookResponse) -> HttpResponse:
    body = b"" if request.method == "HEAD" else it.body
    return HttpResponse(body, status=it.status, headers=it.headers)
