"""
A DynamoDB on a loopback port: moto's server, in a thread of the tests.

Where it differs from the real service: its indexes are never behind, nothing is throttled,
transactions never conflict, a ``ClientRequestToken`` means nothing to it, and TTL deletes
nothing. Tests that need these bring them about by hooks of botocore (``dynamodb_faults``).
"""

from __future__ import annotations

import threading
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from stripe_events.storage import DynamoDBStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class DynamoDBServer:
    """A server that begins empty; one test after another makes tables on it."""

    def __init__(self) -> None:
        """Listen."""
        self._numbers = count()
        # One, for each new one loads what it knows of AWS.
        self._session = boto3.session.Session("key", "secret", region_name="eu-west-1")
        self._server = make_server(
            "127.0.0.1", 0, _OneAtATime(), threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @cached_property
    def shared(self) -> Any:
        """Give a client for many tests, for it takes as long to make as twenty requests."""
        return self.client()

    def client(self, **config: Any) -> Any:
        """Give a client, which does not repeat what fails."""
        retries = {"total_max_attempts": 1}
        options = Config(retries=retries, max_pool_connections=50, **config)
        return self._session.client("dynamodb", endpoint_url=self.endpoint, config=options)

    def new_name(self) -> str:
        """Give a name that no table has."""
        return f"ledger-{next(self._numbers)}"

    def new_store(self, name: str | None = None, **options: Any) -> DynamoDBStore:
        """Give a store on a table of this name, or on a fresh one."""
        client = options.pop("client", self.shared)
        store = DynamoDBStore(name or self.new_name(), client=client, **options)
        store.create_table()
        return store


class _OneAtATime:
    """
    moto as an app that answers one request after another.

    It looks at conditions and writes without a lock: two could both find theirs to hold.
    """

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            return list(self._app(environ, start))


class _Quiet(WSGIRequestHandler):
    """Log no requests."""

    def log_request(self, *_: object) -> None:
        pass
