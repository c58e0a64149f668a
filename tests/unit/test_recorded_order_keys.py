"""What an event is ordered by: the key that ``order_by=`` gives it, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import Outcome
from tests.unit.deliveries import snapshot, thin
from tests.unit.recorded import Handler, only_handle

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.recorded import Service


def key_of(
    service: Service,
    payload: dict[str, Any],
    order_by: str | Callable[[Any], str | None] = "object",
) -> str | None:
    """Deliver an event to code that takes all, and give its order key."""
    router = service.code({}, order_by=order_by, order_inline=True)
    router.on_any(name="a")(Handler())
    assert Outcome.HANDLED == service.deliver(router, payload).outcome
    return service.record().order_key


@only_handle
@pytest.mark.parametrize(
    ("key", "payload"),
    [
        ("/ch_1", snapshot()),
        ("acct_1/ch_1", snapshot(account="acct_1")),
        ("/ch_1", thin()),
        ("acct_2/ch_1", thin(context="org_1/acct_2")),
        (None, thin(related_object=None)),
        (None, snapshot("ping", data={})),
        (None, snapshot(data={"object": {"object": "balance"}})),
    ],
)
def test_events_of_one_object_have_one_key(
    service: Service, key: str | None, payload: dict[str, Any]
) -> None:
    """Objects of several accounts may have the same id; an event may have no object."""
    assert key == key_of(service, payload)


@only_handle
@pytest.mark.parametrize(("key", "given"), [("k", "k"), (None, None), (None, "")])
def test_a_function_gives_the_key(service: Service, key: str | None, given: str | None) -> None:
    """An empty one is none."""
    assert key == key_of(service, snapshot(), lambda _: given)
