"""
Endpoints for what a cloud's bus brings: no signature of Stripe's, and maybe many events at once.

A request is opened, which trusts it or refuses it and gives the payloads in it; each payload
is processed, also if another one is no event; one answer tells of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from stripe_events._messages import WebhookResponse, body_within
from stripe_events.adapters._endpoint import Endpoint
from stripe_events.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe_events._messages import Headers
    from stripe_events._verification import Verifier
    from stripe_events.router import EventRouter

    Payload: TypeAlias = bytes | Mapping[str, Any]
    Opened: TypeAlias = list[Payload] | WebhookResponse

__all__ = ["Bus", "aprocess_all", "opened", "process_all"]


class Bus(Endpoint):
    """
    The place where a bus posts events to one router.

    Args:
        router: who handles them; it needs no secrets.
        verifier: what tells that a request comes from the bus.
        unpack: gives the payloads in a body, or what else to answer; raises
            MalformedPayload.
    """

    def __init__(
        self, router: EventRouter, verifier: Verifier, unpack: Callable[[bytes], Opened]
    ) -> None:
        """Take all as it is."""
        super().__init__(router)
        self._verifier = verifier
        self._unpack = unpack

    def check(self, *, is_async: bool) -> None:
        """Refuse what could never be served; see ``of``."""
        self.router.check_servable(is_async=is_async, is_verified=False)

    def handle(self, body: bytes, headers: Headers) -> WebhookResponse:
        """Answer a request whose body was read, in this thread."""
        return process_all(self.router, opened(self.router, self._open, body, headers))

    async def ahandle(self, body: bytes, headers: Headers) -> WebhookResponse:
        """Answer a request whose body was read, in the running event loop."""
        if not self._verifier.blocking:
            return await aprocess_all(self.router, opened(self.router, self._open, body, headers))
        from asyncio import to_thread

        found = await to_thread(opened, self.router, self._open, body, headers)
        return await aprocess_all(self.router, found)

    def _open(self, body: bytes, headers: Headers) -> Opened:
        raw = body_within(self.max_body_bytes, body)
        self._verifier.verify(raw, headers)
        return self._unpack(raw)


def opened(router: EventRouter, opening: Callable[..., Opened], *request: Any) -> Opened:
    """Give what is in a request, or the answer to one that is refused."""
    try:
        return opening(*request)
    except DeliveryError as error:
        return router.reject(error)


def process_all(router: EventRouter, found: Opened) -> WebhookResponse:
    """Process each payload, in their order, and give the answer for all of them."""
    if isinstance(found, WebhookResponse):
        return found
    return _worst([router.process(payload) for payload in found])


async def aprocess_all(router: EventRouter, found: Opened) -> WebhookResponse:
    """Do the same as ``process_all``, in the running event loop."""
    if isinstance(found, WebhookResponse):
        return found
    return _worst([await router.aprocess(payload) for payload in found])


def _worst(responses: list[WebhookResponse]) -> WebhookResponse:
    # "Later" has higher numbers than "never". What a handler answers to Stripe, nobody reads here.
    worst = max(responses, key=lambda response: response.outcome.status)
    return WebhookResponse(worst.outcome, worst.event_id, worst.error)
