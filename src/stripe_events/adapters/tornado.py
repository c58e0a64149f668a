"""A request handler for Tornado."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler, stream_request_body

from stripe_events.adapters._endpoint import Endpoint

if TYPE_CHECKING:
    from stripe_events._messages import WebhookResponse
    from stripe_events.router import EventRouter

__all__ = ["tornado_handler"]


def tornado_handler(router: EventRouter | Endpoint) -> type[RequestHandler]:
    """
    Make a request handler of a router: ``Application([(r"/stripe/?", handler)])``.

    Tornado's check of XSRF cookies does not apply: Stripe signs its requests. When the
    server was stopped, ``await router.aclose()`` lets handlers end.

    Args:
        router: who handles; or an endpoint of another kind.

    Raises:
        ConfigurationError: the router has no secrets.
    """
    its_endpoint = Endpoint.of(router, is_async=True)

    class WebhookHandler(_WebhookHandler):
        """Answers for one router."""

        endpoint = its_endpoint

    return WebhookHandler


@stream_request_body
class _WebhookHandler(RequestHandler):
    """
    Keeps what it reads until it is enough to answer.

    An answer is sent as soon as there is one, but only finished when the body was read:
    Tornado would cut the connection, and the client might never see the answer.
    """

    endpoint: Endpoint

    def initialize(self) -> None:
        """Begin to read."""
        self._received = bytearray()
        self._answered = False

    def check_xsrf_cookie(self) -> None:
        """Ask for no cookie."""

    async def prepare(self) -> None:
        """Refuse what needs no look at the body."""
        response = self.endpoint.unread(self.request.method or "", self.request.headers)
        if response is not None:
            await self._answer(response)

    async def data_received(self, chunk: bytes) -> None:
        """Keep what came, until it is too much."""
        if not self._answered:
            self._received += chunk
            if len(self._received) > self.endpoint.max_body_bytes:
                await self._handle()

    async def _handle(self, *_: str, **__: str) -> None:
        if not self._answered:
            headers = self.request.headers
            await self._answer(await self.endpoint.ahandle(bytes(self._received), headers))

    head = get = post = delete = patch = put = options = _handle

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Refuse a method that Tornado has never heard of like any other."""
        response = self.endpoint.unread(self.request.method or "", self.request.headers)
        if response is None:
            super().write_error(status_code, **kwargs)
        else:
            self._write(response)

    async def _answer(self, response: WebhookResponse) -> None:
        self._answered = True
        self._write(response)
        with suppress(StreamClosedError):  # nobody is there any more to be told
            await self.flush()

    def _write(self, response: WebhookResponse) -> None:
        self.set_status(response.status)
        for name, value in response.headers.items():
            self.set_header(name, value)
        self.write(response.body)  # pyright: ignore[reportUnknownMemberType] - it takes dicts too
