"""The contract of adapters over WSGI, under the checks of ``wsgiref.validate``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.testing import AdapterContract, AdapterRequest, AdapterResponse

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from stripe_events import EventRouter


def environment(request: AdapterRequest) -> dict[str, Any]:
    """Give the environment in which a server would call, repeated headers joined by a comma."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": io.BytesIO(request.body),
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    setup_testing_defaults(environ)
    return environ


class TestWSGI(AdapterContract):
    """An app that is called as a server would call it."""

    def start(self, router: EventRouter) -> WSGIApplication:
        """Give the app, with the checks around it."""
        return validator(wsgi_app(router))

    def send(self, app: WSGIApplication, request: AdapterRequest) -> AdapterResponse:
        """Call the app in this thread."""
        started: list[Any] = []
        chunks = app(environment(request), lambda *arguments: started.append(arguments) or print)
        body = b"".join(chunks)
        chunks.close()  # type: ignore[attr-defined] # the validator's has one
        ((status, headers),) = started
        return AdapterResponse(int(status.split()[0]), dict(headers), body)
