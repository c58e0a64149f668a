"""Code that is older than its events: it leaves to others what it does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.observers import Failed
from tests.unit.recorded import Handler
from tests.unit.workers import burst, fill

if TYPE_CHECKING:
    import pytest

    from tests.unit.recorded import Service

inbox: dict[str, Any] = {"delivery": "inbox"}


def test_what_this_code_does_not_have_is_given_back_uncounted(service: Service) -> None:
    """Code that has it finds it a minute later."""
    known, unknown = Handler(), Handler()
    fill(service, service.code({"a": known, "b": unknown}, **inbox), 1)

    status = burst(service.code({"a": known}, **inbox))

    assert (0, 0, 1) == (status.handled, status.failed, status.returned)
    record = service.record("evt_0")
    assert record.due is not None
    assert ("pending", True) == (record.state, 30 <= record.due - service.clock.now <= 60)
    assert 0 == service.handler("b", "evt_0").attempts
    service.clock.now += 61
    assert 1 == burst(service.code({"a": known, "b": unknown}, **inbox)).handled
    assert (1, 1) == (known.runs, unknown.runs)


def test_what_this_code_lacks_for_long_is_looked_at_less_often(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """And spread, as after a burst; while code is rolled out that is no failure of anything."""
    caplog.set_level("INFO")
    fill(service, service.code({"b": Handler()}, **inbox), 8)
    old = service.code({}, **inbox)
    for lacked, least, most in [(0, 30, 60), (120, 60, 120), (9_000, 90, 180)]:
        service.clock.now += lacked
        assert 8 == burst(old).returned
        records = [service.record(f"evt_{number}") for number in range(8)]
        pauses = [(record.due or 0.0) - service.clock.now for record in records]
        assert least <= min(pauses) < max(pauses) <= most

    assert [] == service.told_of(Failed)
    ours = [record for record in caplog.records if record.name == "stripe_events"]
    assert {"INFO"} == {record.levelname for record in ours}
    assert "b planned for evt_0 (charge.succeeded) does not exist" in caplog.text


def test_handlers_that_ran_beside_one_that_is_missing_are_told_of(service: Service) -> None:
    """Once; what observers count is what was run."""
    fill(service, service.code({"a": Handler(), "b": Handler()}, **inbox), 1)
    old = service.code({"a": Handler()}, **inbox)

    for _ in range(2):
        burst(old)
        service.clock.now += 900

    assert [["a"]] == [[run.handler for run in told.runs] for told in service.told_of(Failed)]
