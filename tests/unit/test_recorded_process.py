"""Input that something else has authenticated, with a ledger."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome
from stripe_events.errors import UsageError
from tests.unit.deliveries import snapshot
from tests.unit.recorded import Handler, only_handle

if TYPE_CHECKING:
    from tests.unit.recorded import Service


@only_handle
def test_any_mapping_is_recorded_as_json(service: Service) -> None:
    """As it is handled without a ledger, too."""
    router = service.code({"a": Handler()})

    assert Outcome.HANDLED == service.process(router, MappingProxyType(snapshot())).outcome
    stored = service.ledger.get("default", "evt_1")
    assert stored is not None
    assert snapshot() == json.loads(stored.payload or b"")


@only_handle
@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Decimal(1), id="decimal"),
        pytest.param(math.nan, id="nan"),
        pytest.param(10**5000, id="5001 digits"),
        pytest.param({(1, 2): 3}, id="tuple as key"),
    ],
)
def test_what_has_no_json_form_is_refused(service: Service, value: object) -> None:
    """A payload that no worker could read again is not recorded."""
    handler = Handler()
    router = service.code({"a": handler})
    payload = snapshot(data={"object": {"id": "ch_1", "amount": value}})

    with pytest.raises(UsageError, match="no form in JSON"):
        service.process(router, payload)

    assert (0, False) == (handler.runs, service.has())
