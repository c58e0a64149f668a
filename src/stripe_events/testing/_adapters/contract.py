"""The cases of the contract."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stripe_events._verification import sign
from stripe_events.router import EventRouter
from stripe_events.testing._adapters.speaking import AdapterRequest, Hooks

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["AdapterContract"]

_SECRET = "whsec_contract"  # noqa: S105 - made up
_BODY = b'{"id": "evt_1", "type": "charge.succeeded", "data": {"object": {"id": "ch_1"}}}'


class AdapterContract(Hooks):
    """
    What every adapter must keep, as test methods.

    Subclass it in a test file, give ``start``, ``send`` and ``stop``, and let pytest
    collect the class.
    """

    @contextmanager
    def serving(self, router: EventRouter) -> Generator[Any, None, None]:
        """Have the adapter around a router for as long as a block lasts."""
        app = self.start(router)
        try:
            yield app
        finally:
            self.stop(app)
            router.close()

    def test_a_signed_delivery_is_handled(self) -> None:
        """The handler has run when the answer comes."""
        router = EventRouter(_SECRET)
        handled: list[str] = []
        router.on("charge.succeeded", name="charge")(lambda event: handled.append(event.id))
        with self.serving(router) as app:
            headers = tuple(sign(_BODY, _SECRET).items())
            response = self.send(app, AdapterRequest("POST", headers, _BODY))
        assert (response.status, handled) == (200, ["evt_1"])
