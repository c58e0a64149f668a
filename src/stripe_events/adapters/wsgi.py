"""
A WSGI app around a router, for any WSGI server, and to mount in any WSGI framework.

https://peps.python.org/pep-3333/
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from stripe_events._messages import Outcome
from stripe_events.adapters._endpoint import Endpoint, elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["wsgi_app"]

_CHUNK: Final = 64 * 1024
"""Bytes read at once, so that whoever announces much and sends little is given little."""

_STATUSES = {outcome.status for outcome in Outcome}
_STATUS_LINES = {status: f"{status} {HTTPStatus(status).phrase}" for status in _STATUSES}


def wsgi_app(router: EventRouter | Endpoint, *, path: str | None = None) -> WSGIApplication:
    """
    Make a WSGI app of a router.

    It can be the whole app, or mounted anywhere in another one. A client that goes away
    while it sends, a length that is none and a body that is too long are answered; the
    input is never read further than the server promises an end.

    Args:
        router: who handles; or an endpoint of another kind.
        path: the only path that is served, with the one where the app is mounted in
            front, as ``/hooks/stripe``; a slash at its end makes no difference. None
            serves every path that comes here.

    Raises:
        ConfigurationError: the router has no secrets.
        AsyncStoreError, UsageError: its store or middleware is async: use ``asgi_app``.
    """
    endpoint = Endpoint.of(router)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        response = elsewhere(path, asked) or _respond(endpoint, environ)
        start_response(_STATUS_LINES[response.status], list(response.headers.items()))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    return application


def _respond(endpoint: Endpoint, environ: WSGIEnvironment) -> WebhookResponse:
    headers = _headers(environ)
    response = endpoint.unread(environ["REQUEST_METHOD"], headers)
    return response or _read_and_handle(endpoint, environ, headers)


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    headers = {_name(key): value for key, value in environ.items() if key.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE") or ""
    headers["content-length"] = environ.get("CONTENT_LENGTH") or ""
    return headers


@lru_cache(maxsize=256)  # a server gives the same few keys with each request
def _name(key: str) -> str:
    return key.removeprefix("HTTP_").replace("_", "-").lower()


def _read_and_handle(
    endpoint: Endpoint, environ: WSGIEnvironment, headers: dict[str, str]
) -> WebhookResponse:
    length = headers["content-length"]
    is_terminated = environ.get("wsgi.input_terminated")
    if not length and not is_terminated and "transfer-encoding" in headers:
        return endpoint.endless()  # a read might wait for ever
    without_length = endpoint.max_body_bytes + 1 if is_terminated else 0
    wanted = int(length) if length else without_length
    try:
        body = _read(environ["wsgi.input"], wanted)
    except Exception as error:  # noqa: BLE001 - servers raise their own
        return endpoint.truncated(error)
    if length and len(body) < wanted:
        return endpoint.truncated()
    return endpoint.handle(body, headers)


def _read(stream: InputStream, wanted: int) -> bytes:
    chunks: list[bytes] = []
    while wanted > 0:
        chunk = stream.read(min(wanted, _CHUNK))
        if not chunk:
            break
        chunks.append(chunk)
        wanted -= len(chunk)
    return b"".join(chunks)
