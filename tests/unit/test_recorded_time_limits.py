"""How long a delivery claims its event, by the time that its caller gives it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from tests.unit.deliveries import signed, snapshot
from tests.unit.recorded import LEASE, only_handle

if TYPE_CHECKING:
    from stripe_events import Context
    from tests.unit.recorded import Service


@only_handle
@pytest.mark.parametrize(
    ("lease", "time_limit"), [(LEASE, math.inf), (12.0, 10.0), (2.0, 0.0), (2.0, -5.0)]
)
def test_a_claim_outlasts_its_delivery(service: Service, lease: float, time_limit: float) -> None:
    """By two seconds, also where the caller has no time left: a twin must not start meanwhile."""

    def handler(event: object, ctx: Context) -> None:
        leases.append(service.record().lease_until - service.clock.now)

    leases: list[float] = []
    service.code({"a": handler}).handle(*signed(snapshot()), time_limit=time_limit)

    assert [lease] == leases
