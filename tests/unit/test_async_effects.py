"""The flow, driven by hand: which effects it yields, and that it can be abandoned at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from stripe_events import Outcome
from stripe_events._delivery import flow as flows
from stripe_events._delivery.effects import (
    ABANDONED,
    CANCELLED,
    SUCCEEDED,
    Accept,
    Effect,
    Finish,
    GiveBack,
    Run,
    RunResult,
    Suspend,
    Verify,
)
from stripe_events._verification import Verification
from stripe_events.errors import InvalidSignature, Permanent, RetryLater
from stripe_events.observers import Dead, Failed, Handled, Received, Rejected
from tests.unit.deliveries import router as make_router
from tests.unit.deliveries import signed, snapshot

if TYPE_CHECKING:
    from stripe_events import Event, EventRouter, WebhookResponse

VERIFIED = Verification("platform", 1)


class Driven(NamedTuple):
    """What a flow yielded, and what it returned."""

    effects: list[Effect]
    response: WebhookResponse

    @property
    def names(self) -> list[str]:
        """The effects by name."""
        return [type(effect).__name__ for effect in self.effects]


def new_flow(router: EventRouter) -> flows.Flow:
    """Give the flow of a signed delivery."""
    verifier: Any = object()  # asked by drivers, of which there is none
    return flows.webhook(router._compiled(), verifier, *signed(snapshot()), 60.0)


def two_handlers() -> EventRouter:
    """Make a router with two handlers; nobody calls them here."""
    router = make_router()
    for name in ("first", "second"):

        @router.on("charge.succeeded", name=name)
        def handler(event: Event) -> None:
            msg = "only a driver may call it"
            raise AssertionError(msg)

    return router


def drive(flow: flows.Flow, *results: RunResult) -> Driven:
    """Drive a flow to its end by hand; runs end with these results, in order."""
    effects: list[Effect] = []
    left = list(results)
    value: Any = None
    try:
        while True:
            effect = flow.send(value)
            effects.append(effect)
            match effect:
                case Verify():
                    value = VERIFIED
                case Run():
                    value = left.pop(0)
                case _:
                    value = None
    except StopIteration as end:
        return Driven(effects, end.value)


FAILURE = RunResult(LookupError("no"))
DEAD = RunResult(Permanent("never"))

ENDINGS: dict[str, tuple[list[RunResult], list[str], Outcome]] = {
    "success": (
        [SUCCEEDED, SUCCEEDED],
        ["Verify", "Accept", "Run", "Finish", "Run", "Finish"],
        Outcome.HANDLED,
    ),
    "failure": (
        [FAILURE, SUCCEEDED],
        ["Verify", "Accept", "Run", "Finish", "Run", "Finish", "Suspend"],
        Outcome.FAILED,
    ),
    "dead": (
        [SUCCEEDED, DEAD],
        ["Verify", "Accept", "Run", "Finish", "Run", "Finish"],
        Outcome.DEAD,
    ),
    "dead and failure": (
        [DEAD, FAILURE],
        ["Verify", "Accept", "Run", "Finish", "Run", "Finish", "Suspend"],
        Outcome.FAILED,
    ),
    "cancelled": (
        [CANCELLED],
        ["Verify", "Accept", "Run", "GiveBack"],
        Outcome.DRAINING,
    ),
    "cancelled later": (
        [FAILURE, CANCELLED],
        ["Verify", "Accept", "Run", "Finish", "Run", "GiveBack"],
        Outcome.DRAINING,
    ),
    "abandoned": (
        [ABANDONED],
        ["Verify", "Accept", "Run"],
        Outcome.DRAINING,
    ),
    "abandoned later": (
        [SUCCEEDED, ABANDONED],
        ["Verify", "Accept", "Run", "Finish", "Run"],
        Outcome.DRAINING,
    ),
}

endings = pytest.mark.parametrize("ending", ENDINGS)


@endings
def test_each_ending_has_its_own_sequence_of_effects(ending: str) -> None:
    """What a ledger will be asked, and what Stripe is answered after that."""
    results, names, outcome = ENDINGS[ending]
    driven = drive(new_flow(two_handlers()), *results)
    assert (names, outcome) == (driven.names, driven.response.outcome)


@endings
def test_200_is_answered_only_after_everything_planned_was_finished(ending: str) -> None:
    """An abandoned or given back delivery is never acknowledged."""
    driven = drive(new_flow(two_handlers()), *ENDINGS[ending][0])
    finished = [effect for effect in driven.effects if isinstance(effect, Finish)]
    settled = [run.handler for run in finished if run.outcome != "failed"]
    assert (settled == ["first", "second"]) == (driven.response.status == 200)


@endings
def test_a_flow_that_is_closed_at_any_step_yields_nothing_more(ending: str) -> None:
    """An abandoned flow is a crash: it neither cleans up nor raises."""
    results, names, _ = ENDINGS[ending]
    for steps in range(len(names) + 1):
        router = two_handlers()
        told: list[object] = []
        router.observe(Handled, Failed, Dead, Rejected)(told.append)
        flow = new_flow(router)
        left = list(results)
        value: Any = None
        for _ in range(steps):
            effect = flow.send(value)
            value = VERIFIED if isinstance(effect, Verify) else None
            value = left.pop(0) if isinstance(effect, Run) else value
        flow.close()
        with pytest.raises(StopIteration) as end:
            next(flow)
        assert (None, []) == (end.value.value, told)


def test_effects_carry_what_they_are_about() -> None:
    """A store or a driver needs nothing but the effect."""
    driven = drive(new_flow(two_handlers()), SUCCEEDED, FAILURE)
    verify, accept, run, finish, second_run, second_finish, suspend = driven.effects
    body, headers = signed(snapshot())
    assert isinstance(verify, Verify)
    assert (body, headers) == (verify.body, verify.headers)
    assert isinstance(accept, Accept)
    assert accept.call is None  # there is no store
    assert isinstance(run, Run)
    assert isinstance(second_run, Run)
    assert ("first", "second") == (run.handler.name, second_run.handler.name)
    assert run.event is second_run.event
    assert ("platform", "platform") == (run.context.secret, second_run.context.secret)
    assert run.context.delivery_id == second_run.context.delivery_id
    assert isinstance(finish, Finish)
    assert isinstance(second_finish, Finish)
    assert ("first", "succeeded", None) == (finish.handler, finish.outcome, finish.error)
    assert ("second", "failed", FAILURE.error) == (
        second_finish.handler,
        second_finish.outcome,
        second_finish.error,
    )
    assert isinstance(suspend, Suspend)
    assert suspend.retry_after is None


def suspended_for(driven: Driven) -> float | None:
    """Give the seconds with which a flow ended in a Suspend."""
    suspend = driven.effects[-1]
    assert isinstance(suspend, Suspend)
    return suspend.retry_after


def test_suspend_takes_the_latest_time_that_a_handler_asked_for() -> None:
    """In seconds, so that nobody is asked too early; without any, the ledger decides."""
    later, sooner = RunResult(RetryLater(60)), RunResult(RetryLater(5))
    driven = drive(new_flow(two_handlers()), later, sooner)
    assert 60 == suspended_for(driven)
    grouped = RunResult(ExceptionGroup("of a TaskGroup", [ValueError(), RetryLater(70)]))
    driven = drive(new_flow(two_handlers()), later, grouped)
    assert 70 == suspended_for(driven)


def test_give_back_comes_with_nothing_after_it() -> None:
    """The handler that was stopped is not finished, and no other one starts."""
    driven = drive(new_flow(two_handlers()), CANCELLED)
    assert isinstance(driven.effects[-1], GiveBack)
    assert not [effect for effect in driven.effects if isinstance(effect, Finish)]


def test_a_rejected_delivery_claims_nothing() -> None:
    """After a failed verification there is no effect at all."""
    flow = new_flow(two_handlers())
    assert isinstance(next(flow), Verify)
    with pytest.raises(StopIteration) as end:
        flow.throw(InvalidSignature("no"))
    assert Outcome.SIGNATURE_INVALID is end.value.value.outcome


def test_nothing_is_told_of_an_event_before_it_is_verified() -> None:
    """Observers see what the sender wrote only once it is known who that was."""
    router = two_handlers()
    told: list[object] = []
    router.observe(Received)(told.append)
    flow = new_flow(router)
    next(flow)
    assert [] == told
    flow.send(VERIFIED)
    assert 1 == len(told)
    flow.close()


def test_an_event_that_nobody_handles_is_not_claimed() -> None:
    """It is answered 200 without a trace."""
    driven = drive(new_flow(make_router()))
    assert (["Verify"], Outcome.IGNORED) == (driven.names, driven.response.outcome)


def test_a_flow_that_never_started_can_be_dropped() -> None:
    """A draining router does so."""
    new_flow(two_handlers()).close()


@pytest.mark.parametrize("stopped", [CANCELLED, ABANDONED])
def test_an_answer_that_was_given_is_sent_also_in_a_shutdown(stopped: RunResult) -> None:
    """Stripe waits for a decision and takes none as a no; it does not ask again."""
    flow = new_flow(two_handlers())
    assert isinstance(next(flow), Verify)
    flow.send(VERIFIED)
    first = flow.send(None)
    assert isinstance(first, Run)
    first.context.respond({"approved": True})
    flow.send(SUCCEEDED)
    assert isinstance(flow.send(None), Run)
    if stopped.cancelled:
        assert isinstance(flow.send(stopped), GiveBack)
    with pytest.raises(StopIteration) as ended:
        flow.send(stopped)
    response = ended.value.value
    assert (Outcome.DRAINING, 200, b'{"approved": true}') == (
        response.outcome,
        response.status,
        response.body,
    )
