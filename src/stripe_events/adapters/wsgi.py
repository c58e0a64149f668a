"""
A WSGI app around a router, for any WSGI server, and to mount in any WSGI framework.

https://peps.python.org/pep-3333/
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from stripe_events._messages import Outcome
from stripe_events.adapters._endpoint import Endpoint
from stripe_events.adapters._path import checked, elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

    from stripe_events._messages import Headers, WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["wsgi_app"]

_UNPREFIXED: Final = frozenset({"CONTENT_LENGTH", "CONTENT_TYPE"})

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
        ConfigurationError: the router has no secrets, or ``path`` does not begin with ``/``.
        AsyncStoreError, UsageError: its store or middleware is async: use ``asgi_app``.
    """
    endpoint, path = Endpoint.of(router), checked(path)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        response = elsewhere(path, asked) or _respond(endpoint, environ)
        start_response(_STATUS_LINES[response.status], list(response.headers.items()))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]

    return application


def _respond(endpoint: Endpoint, environ: WSGIEnvironment) -> WebhookResponse:
    headers = _Headers(environ)
    response = endpoint.unread(environ["REQUEST_METHOD"], headers)
    return response or _read_and_handle(endpoint, environ, headers)


class _Headers(Mapping[str, str]):
    """The headers in an environment, which holds them under names of its own."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def find_header(self, name: str) -> str | None:
        """Give the value under a name in lower case, without looking at the others."""
        return self._environ.get(_key(name))

    def __getitem__(self, name: str) -> str:
        return str(self._environ[_key(name.lower())])

    def __iter__(self) -> Iterator[str]:
        keys = (key for key in self._environ if key.startswith("HTTP_") or key in _UNPREFIXED)
        return (key.removeprefix("HTTP_").replace("_", "-").lower() for key in keys)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@lru_cache(maxsize=256)  # the same few are asked for with each request
def _key(name: str) -> str:
    key = name.replace("-", "_").upper()
    return key if key in _UNPREFIXED else f"HTTP_{key}"


def _read_and_handle(
    endpoint: Endpoint, environ: WSGIEnvironment, headers: Headers
) -> WebhookResponse:
    length = environ.get("CONTENT_LENGTH")
    is_terminated = environ.get("wsgi.input_terminated")
    if not length and not is_terminated and "HTTP_TRANSFER_ENCODING" in environ:
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
