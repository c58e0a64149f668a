"""Thin events in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.deliveries import thin
from tests.unit.recorded import Handler, only_handle

if TYPE_CHECKING:
    from tests.unit.recorded import Service


@only_handle
@pytest.mark.parametrize(
    ("account", "context"), [("acct_1", "acct_1"), ("acct_2", "org_1/acct_2"), (None, None)]
)
def test_a_thin_event_is_found_by_its_account(
    service: Service, account: str | None, context: str | None
) -> None:
    """Operators ask for an account's events, whichever kind they are of."""
    router = service.code({})
    router.on_any(name="a")(Handler())

    service.deliver(router, thin(context=context))

    assert account == service.record().account
