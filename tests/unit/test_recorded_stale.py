"""``stale=``: snapshots older than the newest that was handled are skipped (promise 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stripe_events import EventRouter, Outcome
from stripe_events._registry import Skip
from stripe_events.errors import UsageError
from stripe_events.events import ChargeSucceeded, ChargeUpdated
from stripe_events.observers import Handled
from tests.unit.deliveries import NOW, snapshot
from tests.unit.recorded import LEASE, Handler, only_handle

if TYPE_CHECKING:
    from tests.unit.recorded import Service


def event(created: int, type_: str = "charge.succeeded", **fields: Any) -> dict[str, Any]:
    """Give a snapshot of one and the same charge, so many seconds after ``NOW``."""
    return snapshot(type_, id=f"evt_{created}_{type_}", created=NOW + created, **fields)


def copying(service: Service, handler: Any, stale: str | Skip = "skip") -> EventRouter:
    """Give code with a handler ``copy`` that copies state."""
    router = service.code({})
    router.on(ChargeSucceeded, name="copy", stale=stale)(handler)  # type: ignore[arg-type]
    return router


def test_an_older_snapshot_is_skipped(service: Service) -> None:
    """It is settled by that, and not run."""
    handler = Handler()
    router = copying(service, handler)

    outcomes = [service.deliver(router, event(created)).outcome for created in (2, 1)]

    assert [Outcome.HANDLED] * 2 == outcomes
    assert 1 == handler.runs
    assert {"copy": "skipped"} == service.outcomes("evt_1_charge.succeeded")
    assert "skipped" == service.told_of(Handled)[1].runs[0].outcome


@pytest.mark.parametrize("created", [2, 3])
def test_a_snapshot_as_new_or_newer_is_not(service: Service, created: int) -> None:
    """Of two from the same second nobody knows which is newer."""
    handler = Handler()
    router = copying(service, handler)
    service.deliver(router, event(2))

    service.deliver(router, event(created, account=None) | {"id": "evt_other"})

    assert 2 == handler.runs


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"object": {"id": "ch_2", "object": "charge"}}},
        {"account": "acct_1"},
        {"data": {"object": {"object": "balance"}}},
    ],
    ids=["another object", "another account", "no id"],
)
def test_other_objects_have_a_newest_of_their_own(service: Service, other: dict[str, Any]) -> None:
    """What has no id is never skipped."""
    handler = Handler()
    router = copying(service, handler)
    for created in (2, 1):
        service.deliver(router, event(created, **(other if created == 1 else {})))

    assert 2 == handler.runs


def test_a_failure_is_not_the_newest(service: Service) -> None:
    """Only what a handler has succeeded on puts older ones out of date."""
    handler = Handler(ValueError("not now"))
    router = copying(service, handler)
    for created in (2, 1):
        service.deliver(router, event(created))

    assert 2 == handler.runs
    service.deliver(router, event(2))
    assert 3 == handler.runs


def test_a_skip_is_not_the_newest(service: Service) -> None:
    """It has copied nothing."""

    def skipping(received: Any, ctx: Any) -> None:
        handler(received, ctx)
        ctx.skip("not ours")

    handler = Handler()
    router = copying(service, skipping)
    for created in (2, 1):
        service.deliver(router, event(created))

    assert 2 == handler.runs


def test_handlers_of_one_router_have_each_their_own_newest(service: Service) -> None:
    """Without a group."""
    other = Handler(ValueError("not now"))
    router = copying(service, Handler())
    router.on(ChargeSucceeded, name="other", stale="skip")(other)

    for created in (2, 1):
        service.deliver(router, event(created))

    expected = {"copy": "skipped", "other": "succeeded"}
    assert expected == service.outcomes("evt_1_charge.succeeded")


def test_a_group_shares_its_newest(service: Service) -> None:
    """Handlers of several types that write the same row."""
    handler = Handler()
    router = service.code({})
    for cls in (ChargeSucceeded, ChargeUpdated):
        router.on(cls, name=cls.type, stale=Skip(group="charges"))(handler)
    service.deliver(router, event(2, "charge.updated"))

    service.deliver(router, event(1))

    assert 1 == handler.runs
    assert {"charge.succeeded": "skipped"} == service.outcomes("evt_1_charge.succeeded")


def test_other_handlers_of_a_stale_event_run(service: Service) -> None:
    """Those that react to each change."""
    router = copying(service, Handler())
    router.on(ChargeSucceeded, name="react")(reacting := Handler())

    for created in (2, 1):
        service.deliver(router, event(created))

    assert 2 == reacting.runs


def test_a_retry_of_an_older_snapshot_is_skipped(service: Service) -> None:
    """The newer one came between the attempts."""
    handler = Handler(ValueError("not now"))
    router = copying(service, handler)
    service.deliver(router, event(1))
    service.deliver(router, event(2))

    service.deliver(router, event(1))

    assert 2 == handler.runs
    assert {"copy": "skipped"} == service.outcomes("evt_1_charge.succeeded")


def test_rescue_skips_as_well(service: Service) -> None:
    """An old snapshot is old, whoever comes for it."""
    handler = Handler(ValueError("not now"))
    router = copying(service, handler)
    service.deliver(router, event(1))
    service.deliver(router, event(2))
    service.clock.now += 345_600

    assert 1 == service.rescue(router).handled
    assert 2 == handler.runs


def test_without_a_block_an_older_one_may_still_slip_in(service: Service) -> None:
    """Best effort: it had begun when the newer one came, and its effects are there already."""

    def slow(received: Any) -> None:
        service.clock.now += LEASE / 2
        service.deliver(copying(service, Handler()), event(2))

    service.deliver(copying(service, slow), event(1))

    assert {"copy": "succeeded"} == service.outcomes("evt_1_charge.succeeded")
    late = Handler()
    service.deliver(copying(service, late), event(1) | {"id": "evt_late"})
    assert 0 == late.runs  # the newest stays the newest


@only_handle
def test_a_renamed_handler_remembers_the_newest_snapshot(service: Service) -> None:
    """Its group is its own, whatever it is called now."""
    before = service.code({})
    before.on(ChargeSucceeded, name="old", stale="skip")(Handler())
    service.deliver(before, snapshot(id="evt_newer", created=NOW + 1))
    handler = Handler()
    after = service.code({})
    after.on(ChargeSucceeded, name="new", formerly="old", stale="skip")(handler)

    service.deliver(after, snapshot(id="evt_older"))

    assert (0, {"new": "skipped"}) == (handler.runs, service.outcomes("evt_older"))


@pytest.mark.parametrize("stale", ["drop", True, Skip])
def test_only_two_forms_are_understood(service: Service, stale: Any) -> None:
    """``"skip"`` and ``Skip(group=...)``."""
    with pytest.raises(UsageError, match="stale="):
        copying(service, Handler(), stale)


def test_thin_events_cannot_be_stale(service: Service) -> None:
    """They carry no state; nor does a handler of everything know what it gets."""
    router = service.code({})

    for register in (
        lambda: router.on("v1.charge.succeeded", kind="thin", stale="skip"),
        lambda: router.on_any(stale="skip"),
    ):
        with pytest.raises(UsageError, match="snapshot events"):
            register()
