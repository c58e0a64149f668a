"""What is recorded, when it is a duplicate, and when it is run again (promises 3, 4 and 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stripe_events import Outcome
from stripe_events.errors import HandlerError, Permanent
from stripe_events.observers import Dead, Duplicate, Failed, Handled, Ignored
from tests.unit.deliveries import snapshot
from tests.unit.recorded import Died, Handler

if TYPE_CHECKING:
    from stripe_events import Context
    from tests.unit.recorded import Service


def test_an_event_is_recorded_with_its_plan_in_the_write_of_its_first_claim(
    service: Service,
) -> None:
    """A process that dies in the first handler leaves a claimed event with all handlers."""
    service.die({"a": Handler(Died()), "b": Handler()})

    record = service.record()
    assert ("claimed", 1, 1) == (record.state, record.token, record.revision)
    assert {"a": "planned", "b": "planned"} == service.outcomes()


def test_what_is_recorded_is_what_stripe_sent(service: Service) -> None:
    """The columns by which operators look for events, and the payload byte for byte."""
    payload = snapshot(account="acct_1", livemode=True)

    service.deliver(service.code({"a": Handler()}), payload)

    record = service.record()
    expected = ("evt_1", "charge.succeeded", "acct_1", True, payload["created"])
    told = (record.id, record.type, record.account, record.livemode, record.created)
    assert expected == told
    stored = service.ledger.get("default", "evt_1")
    assert stored is not None
    assert stored.payload is not None
    assert stored.payload.startswith(b'{\n  "id": "evt_1"')


def test_a_handled_event_is_done(service: Service) -> None:
    """Every planned handler has succeeded."""
    response = service.deliver(service.code({"a": Handler(), "b": Handler()}))

    assert (200, Outcome.HANDLED) == (response.status, response.outcome)
    assert "done" == service.record().state
    assert {"a": "succeeded", "b": "succeeded"} == service.outcomes()
    (handled,) = service.told_of(Handled)
    assert ["a", "b"] == [run.handler for run in handled.runs]


def test_an_event_that_no_handler_wants_is_not_recorded(service: Service) -> None:
    """It is ignored, each time anew."""
    router = service.code({"a": Handler()})

    responses = [service.deliver(router, snapshot("invoice.paid")) for _ in range(2)]

    assert [Outcome.IGNORED] * 2 == [response.outcome for response in responses]
    assert ["no handler"] * 2 == [told.reason for told in service.told_of(Ignored)]
    assert not service.has()


def test_an_event_of_the_wrong_livemode_is_not_recorded(service: Service) -> None:
    """A test event that reached production leaves nothing there."""
    router = service.code({"a": Handler()}, expect_livemode=True)

    assert Outcome.IGNORED == service.deliver(router).outcome
    assert not service.has()


def test_a_done_event_is_a_duplicate(service: Service) -> None:
    """Nothing runs, and observers are told."""
    handler = Handler()
    router = service.code({"a": handler})
    service.deliver(router)

    response = service.deliver(router)

    assert (200, Outcome.DUPLICATE) == (response.status, response.outcome)
    assert 1 == handler.runs
    assert ["done"] == [told.state for told in service.told_of(Duplicate)]


def test_a_duplicate_is_seen_but_changes_nothing_else(service: Service) -> None:
    """The time of its last delivery decides how long the record is kept."""
    router = service.code({"a": Handler()})
    service.deliver(router)
    before = service.record()
    service.clock.now += 100

    service.deliver(router)

    after = service.record()
    assert before.last_seen + 100 == after.last_seen
    assert before._replace(last_seen=after.last_seen, revision=after.revision) == after


def test_a_dead_event_is_not_run_again(service: Service) -> None:
    """A handler has given up for good; 200 keeps Stripe from delivering again."""
    handler = Handler(Permanent("no such customer"))
    router = service.code({"a": handler})

    responses = [service.deliver(router) for _ in range(2)]

    assert [(200, Outcome.DEAD)] * 2 == [(one.status, one.outcome) for one in responses]
    assert 1 == handler.runs
    assert ["dead"] == [told.state for told in service.told_of(Duplicate)]
    assert 1 == len(service.told_of(Dead))


def test_one_dead_handler_makes_the_event_dead_when_the_others_are_settled(
    service: Service,
) -> None:
    """A failed one beside it is retried first."""
    giving_up, failing = Handler(Permanent("never")), Handler(ValueError("not now"))
    router = service.code({"a": giving_up, "b": failing})

    outcomes = [service.deliver(router).outcome for _ in range(2)]

    assert [Outcome.FAILED, Outcome.DEAD] == outcomes
    assert (1, 2) == (giving_up.runs, failing.runs)
    assert "dead" == service.record().state


def test_all_handlers_run_even_if_one_fails(service: Service) -> None:
    """Each is recorded by itself, and the event is answered 500."""
    failing, other = Handler(ValueError("not now")), Handler()

    response = service.deliver(service.code({"a": failing, "b": other}))

    assert (500, Outcome.FAILED) == (response.status, response.outcome)
    assert {"a": "failed", "b": "succeeded"} == service.outcomes()
    assert "failed" == service.record().state
    assert isinstance(response.error, HandlerError)
    assert ("a",) == response.error.handlers
    (failed,) = service.told_of(Failed)
    assert response.error is failed.error


def test_a_retry_runs_only_what_is_unsettled(service: Service) -> None:
    """What succeeded, was skipped or is dead stays as it is."""

    def skipping(event: object, ctx: Context) -> None:
        skipped.append(ctx.attempt)
        ctx.skip("nothing to do")

    skipped: list[int] = []
    good, dead, failing = Handler(), Handler(Permanent("no")), Handler(ValueError("not now"))
    router = service.code({"good": good, "skipping": skipping, "dead": dead, "failing": failing})

    for _ in range(2):
        service.deliver(router)

    assert (1, [1], 1, 2) == (good.runs, skipped, dead.runs, failing.runs)
    expected = {"good": "succeeded", "skipping": "skipped", "dead": "dead", "failing": "succeeded"}
    assert expected == service.outcomes()


def test_an_event_is_done_by_what_the_store_holds_not_by_what_a_process_remembers(
    service: Service,
) -> None:
    """Another process runs what is left, knowing nothing of the first one."""
    good, failing = Handler(), Handler(ValueError("not now"))
    service.deliver(service.code({"a": good, "b": failing}))

    response = service.deliver(service.code({"a": good, "b": failing}))

    assert Outcome.HANDLED == response.outcome
    assert (1, 2) == (good.runs, failing.runs)


def test_the_error_of_a_failure_is_kept(service: Service) -> None:
    """Type, message, traceback, attempt and time."""
    service.deliver(service.code({"a": Handler(ValueError("not now"))}))

    error = service.handler().error
    assert error is not None
    expected = ("ValueError", "not now", 1, service.clock.now)
    assert expected == (error.type, error.message, error.attempt, error.at)
    assert "raise error" in error.traceback


def test_the_error_of_a_failure_is_bounded(service: Service) -> None:
    """Whatever a handler puts into it; of the traceback the end is kept."""
    service.deliver(service.code({"a": Handler(ValueError("x" * 100_000 + "\0\ud800end"))}))

    error = service.handler().error
    assert error is not None
    assert 1_000 == len(error.message)
    assert 8_000 == len(error.traceback)
    assert error.traceback.endswith("x\\x00\\ud800end\n")


def test_the_last_error_stays_after_a_success(service: Service) -> None:
    """An operator sees what went wrong before."""
    router = service.code({"a": Handler(ValueError("first"), ValueError("second"))})

    for _ in range(3):
        service.deliver(router)

    handler = service.handler()
    assert handler.error is not None
    assert ("succeeded", 3, "second", 2) == (
        handler.outcome,
        handler.attempts,
        handler.error.message,
        handler.error.attempt,
    )


def test_attempts_are_counted_per_handler(service: Service) -> None:
    """Each handler is told how often it was started for this event."""
    often, once = Handler(ValueError("1"), ValueError("2")), Handler()
    router = service.code({"often": often, "once": once})

    for _ in range(3):
        service.deliver(router)

    assert ([1, 2, 3], [1]) == (often.attempts, once.attempts)


def test_the_idempotency_key_is_the_same_in_every_attempt(service: Service) -> None:
    """It differs between handlers and events."""
    a, b = Handler(ValueError("not now")), Handler()
    router = service.code({"a": a, "b": b})
    for event_id in ("evt_1", "evt_1", "evt_2"):
        service.deliver(router, snapshot(id=event_id))

    keys = [ctx.idempotency_key for ctx in a.contexts]
    assert ["evt_1/a", "evt_1/a", "evt_2/a"] == keys
    assert "evt_1/b" == b.contexts[0].idempotency_key


def test_a_replay_has_another_idempotency_key(service: Service) -> None:
    """An operator wants the effect again; the same key would suppress it."""
    handler = Handler()
    router = service.code({"a": handler})
    service.deliver(router)
    service.ledger.replay("default", "evt_1")

    service.rescue(router)

    first, second = (ctx.idempotency_key for ctx in handler.contexts)
    assert ("evt_1/a", "evt_1/a/1") == (first, second)


def test_scopes_keep_services_apart(service: Service) -> None:
    """Two services on one database handle the same event, each for itself."""
    ours, theirs = Handler(), Handler()

    for scope, handler in (("ours", ours), ("theirs", theirs)):
        service.deliver(service.code({"a": handler}, scope=scope))

    assert (1, 1) == (ours.runs, theirs.runs)
    assert "done" == service.record(scope="ours").state == service.record(scope="theirs").state


def test_a_router_tells_its_store_and_scope(service: Service) -> None:
    """The commands on events ask for them."""
    router = service.code({}, scope="billing")

    assert (service.store, "billing") == (router.store, router.scope)


def test_an_event_id_of_any_form_is_recorded(service: Service) -> None:
    """An id is text, whatever is in it."""
    router = service.code({"a": Handler()})

    response = service.deliver(router, snapshot(id="evt_'; --%s{}"))

    assert Outcome.HANDLED == response.outcome
    assert service.has("evt_'; --%s{}")


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_a_large_payload_is_recorded_whole(service: Service, size: int) -> None:
    """Operators and workers need it."""
    data = {"object": {"id": "ch_1", "object": "charge", "description": "x" * size}}

    service.deliver(service.code({"a": Handler()}), snapshot(data=data))

    stored = service.ledger.get("default", "evt_1")
    assert stored is not None
    assert stored.payload is not None
    assert size < len(stored.payload)
