"""
What every adapter does, written once: what is refused unread, how far to read, who answers.

An adapter asks ``unread``; if that gives no answer, it reads the body, but never much
more than ``max_body_bytes``, and gives it to ``handle`` or ``ahandle``. No server or
framework is known here, and no status is written in an adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events._messages import Outcome, WebhookResponse, find_header
from stripe_events.errors import LengthRequired, MalformedPayload, PayloadTooLarge

if TYPE_CHECKING:
    from stripe_events._messages import Headers
    from stripe_events.router import EventRouter

__all__ = ["Endpoint"]

_MOST_DIGITS = 18


class Endpoint:
    """
    The place where Stripe's signed requests to one router come in.

    Adapters make theirs by ``Endpoint.of``.

    Args:
        router: who handles what comes in.
    """

    def __init__(self, router: EventRouter) -> None:
        """Take the router; nothing is checked yet."""
        self.router: EventRouter = router

    @classmethod
    def of(cls, target: EventRouter | Endpoint, *, is_async: bool = False) -> Endpoint:
        """
        Give the endpoint that an adapter serves, and refuse what it never could.

        Args:
            target: a router, or an endpoint of another kind, such as one of a cloud's bus.
            is_async: the adapter calls ``ahandle`` only.

        Raises:
            ConfigurationError: the router has no secrets.
            AsyncStoreError, UsageError: its store or middleware is async, the adapter is not.
        """
        endpoint = target if isinstance(target, Endpoint) else Endpoint(target)
        endpoint.check(is_async=is_async)
        return endpoint

    def check(self, *, is_async: bool) -> None:
        """Refuse what could never be served; see ``of``."""
        self.router.check_servable(is_async=is_async)

    @property
    def max_body_bytes(self) -> int:
        """How much of a body is to be read: a byte more, and ``handle`` refuses it."""
        return self.router.max_body_bytes

    def unread(self, method: str, headers: Headers) -> WebhookResponse | None:
        """
        Answer what needs no look at the body; None if the body is to be read.

        Args:
            method: of the request, in capitals.
            headers: of the request, in any form that the router takes.
        """
        if method != "POST":
            return WebhookResponse(Outcome.METHOD_NOT_ALLOWED)
        length = find_header(headers, "content-length")
        return self._refused_by(length) if length else None

    def handle(self, body: bytes, headers: Headers) -> WebhookResponse:
        """Answer a request whose body was read, in this thread; see ``EventRouter.handle``."""
        return self.router.handle(body, headers)

    async def ahandle(self, body: bytes, headers: Headers) -> WebhookResponse:
        """Answer a request whose body was read, in the running event loop."""
        return await self.router.ahandle(body, headers)

    def truncated(self, cause: Exception | None = None) -> WebhookResponse:
        """Answer a request whose body could not be read to its end, as the server said."""
        error = MalformedPayload("the body could not be read to its end: did the sender go away?")
        error.__cause__ = cause
        return self.router.reject(error)

    def endless(self) -> WebhookResponse:
        """Answer a request of whose body nobody can tell where it ends."""
        return self.router.reject(
            LengthRequired(
                "the body came in chunks, and this server does not say that they have an end; "
                "Stripe sends a Content-Length, so let the proxy keep it"
            )
        )

    def incomplete(self, body: bytes, headers: Headers) -> WebhookResponse | None:
        """
        Answer what a framework read by itself, if it is not all that was sent; else None.

        Frameworks give a shorter body if the sender went away or something has read it
        before, and an empty one if they cannot see its end. It is asked after ``unread``.
        """
        if length := find_header(headers, "content-length"):
            return self.truncated() if len(body) < int(length) else None
        is_chunked = find_header(headers, "transfer-encoding") is not None
        return self.endless() if is_chunked and not body else None

    def too_large(self, setting: str) -> WebhookResponse:
        """Answer a body that a framework refuses to read, by which of its settings."""
        return self.router.reject(
            PayloadTooLarge(f"the framework refuses to read so long a body: see its {setting}")
        )

    def _refused_by(self, length: str) -> WebhookResponse | None:
        if not (length.isascii() and length.isdecimal()):
            return self.router.reject(MalformedPayload("the Content-Length is no length"))
        if len(length) > _MOST_DIGITS or int(length) > self.max_body_bytes:
            return self.router.reject(
                PayloadTooLarge(
                    f"the body is announced to have {length[:_MOST_DIGITS]} bytes or more, "
                    f"and max_body_bytes={self.max_body_bytes}"
                )
            )
        return None
