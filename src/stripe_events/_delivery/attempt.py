"""
One claim on one event: what is run under it, in which order, and how it ends.

Every handler that is left runs, even if another one fails. The last that is recorded
settles the event; what is left over is suspended, or given back if the running code
does not have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from stripe_events._delivery.completion import STALE, Completion
from stripe_events._delivery.context import Context
from stripe_events._delivery.dispatching import dispatched
from stripe_events._delivery.effects import (
    SUCCEEDED,
    Finish,
    GiveBack,
    IsSettled,
    Run,
    RunResult,
    Suspend,
)
from stripe_events._delivery.error_records import error_record
from stripe_events._delivery.failures import failed, store_failed
from stripe_events._delivery.missing import missing_message, until_known
from stripe_events._delivery.observing import log
from stripe_events._delivery.results import (
    finish_of,
    handler_error,
    is_stale,
    leaves,
    retry_after,
    runs,
)
from stripe_events._messages import Outcome, WebhookResponse, outcome_of
from stripe_events.errors import (
    HandlerMissing,
    LostClaim,
    ProcessingError,
    UsageError,
)
from stripe_events.storage._records import OVER, HandlerRecord
from stripe_events.storage._results import NOTHING_NEW, HandlerResult

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from stripe_events._delivery.context import Delivery
    from stripe_events._delivery.effects import Effect
    from stripe_events._delivery.flow import Flow
    from stripe_events._delivery.ledger import Ledger
    from stripe_events._delivery.settings import Settings
    from stripe_events._event import AnyEvent
    from stripe_events._registry import Handler
    from stripe_events.errors import StripeEventsError
    from stripe_events.observers import HandlerOutcome
    from stripe_events.storage._records import State
    from stripe_events.storage._results import Claimed, Finished, Plan

MISSING_FOR: Final = 86_400.0
"""Seconds after which a handler that the code still does not have is dead."""

_NOTHING: Final[frozenset[str]] = frozenset()

_STILL_OPEN = (
    "the transaction in which the handler called ctx.complete_on() is still open after it "
    "returned: it was begun around the router (ATOMIC_REQUESTS?), so that nothing can be "
    "said of its end; begin and commit it inside the handler"
)


class Attempt:
    """What is done under one claim; ``joined`` are handlers that the ledger is yet to learn of."""

    __slots__ = (
        "_claimed",
        "_delivery",
        "_event",
        "_finished",
        "_for_inbox",
        "_is_rescue",
        "_joined",
        "_ledger",
        "_raised",
        "_settings",
        "_state",
    )

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        event: AnyEvent,
        delivery: Delivery,
        claimed: Claimed,
        *,
        joined: Plan = NOTHING_NEW,
        raised: Mapping[str, Exception] | None = None,
        is_rescue: bool = False,
        for_inbox: frozenset[str] = _NOTHING,
    ) -> None:
        """
        Take a claim.

        ``raised`` is what ``where`` raised for which handler, just now. ``is_rescue``: the
        event was due, so that it is due again at once if a shutdown comes between, and that
        handlers die at their limits. ``for_inbox``: handlers that are left to workers.
        """
        self._settings = settings
        self._ledger = ledger
        self._event = event
        self._delivery = delivery
        self._claimed = claimed
        self._joined = joined
        self._raised = raised or {}
        self._is_rescue = is_rescue
        self._for_inbox = for_inbox
        self._finished: list[Finish] = []
        self._state: State = "claimed"

    def go(self) -> Flow:
        """Run what is left, and end the attempt."""
        claim, heartbeat = self._claimed.claim, self._ledger.heartbeat
        self._delivery.answer = self._claimed.record.answer
        if not self._ledger.outlasts(self._delivery):
            heartbeat.add(claim, self._delivery.ends)
        try:
            stopped = yield from self._run_all()
            return stopped if stopped is not None else (yield from self._end())
        except UsageError:
            raise
        except LostClaim as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - a store may be the user's code
            return store_failed(self._settings, self._event, self._delivery, error, self._finished)
        finally:
            heartbeat.remove(claim)

    def _run_all(self) -> Generator[Effect, Any, WebhookResponse | None]:
        """Run the handlers one after another; gives a response if that was broken off."""
        for record, handler in self._to_run():
            context = Context(self._delivery, self._event.id, handler.name, handler.timeout)
            completion = Completion(
                self._ledger.store, self._claimed.claim, self._claimed.record, record, self._joined
            )
            context.completion = completion
            result = self._unrun(record, handler, context)
            if result is None:
                result = yield Run(handler, self._event, context)
            if result.cancelled or result.abandoned:
                return (yield from self._drained(give_back=result.cancelled))
            if not completion.begun:
                finish = finish_of(handler.name, context, result.error)
                yield from self._finish(finish, finish.outcome, undecided=result.undecided)
                continue
            stopped = yield from self._record_completed(completion, context, result.error)
            if stopped is not None:
                return stopped
        return None

    def _to_run(self) -> Iterator[tuple[HandlerRecord, Handler]]:
        by_name = self._settings.table.by_name
        for name in self._claimed.record.running:
            record = self._claimed.record.handler(name)
            if record is not None and name in by_name:
                yield record, by_name[name]
        for planned in self._joined.wanted:
            name, _, undecided, formerly = planned
            yield HandlerRecord(name, undecided=undecided, formerly=formerly), by_name[name]

    def _unrun(self, record: HandlerRecord, handler: Handler, context: Context) -> RunResult | None:
        """Give the result of a handler that is not to be run, or None if it is."""
        if handler.name in self._claimed.stale:
            context.skip(STALE)
            return SUCCEEDED
        if record.undecided:
            if handler.name in self._raised:
                return RunResult(self._raised[handler.name], undecided=True)
            try:
                wanted = handler.filters.passes_where(self._event)
            except Exception as error:  # noqa: BLE001 - it is the user's code
                return RunResult(error, undecided=True)
            if not wanted:
                context.skip("where refused it")
                return SUCCEEDED
        return None

    def _record_completed(
        self, completion: Completion, context: Context, error: Exception | None
    ) -> Generator[Effect, Any, WebhookResponse | None]:
        """Record a handler that had a transaction of its own."""
        name = completion.handler.name
        settled: bool | None = completion.committed
        if not settled:
            lost = _lost_claim(error) or _lost_claim(completion.error)
            if lost is not None:  # by which nothing was committed, whoever has settled it
                raise LostClaim(str(lost)) from lost
            settled = yield IsSettled(self._ledger.call("is_settled", self._claimed.claim, name))
        if settled is None and completion.joins:
            still_open = UsageError(_STILL_OPEN)
            still_open.__cause__ = error
            return self._failed(still_open)
        if settled:
            yield from self._record_settled(name, context, error)
            return None
        finish = finish_of(name, context, error or completion.uncommitted())
        yield from self._finish(finish, finish.outcome)
        return None

    def _record_settled(
        self, name: str, context: Context, error: Exception | None
    ) -> Generator[Effect, Any, None]:
        """Learn what the handler's own commit made of the event; keep what it raised since."""
        finish = finish_of(name, context, None)
        late = None if error is None or is_stale(error) else error
        yield from self._finish(finish, finish.outcome if late is None else "failed", late=late)
        if late is not None:
            message = f"{name} is done for {self._event.id}, but failed afterwards"
            log("ERROR", message, late, event_id=self._event.id)
            self._settings.observers.tell("LateError", self._event, name, late)

    def _finish(
        self,
        finish: Finish,
        outcome: HandlerOutcome,
        *,
        late: Exception | None = None,
        undecided: bool = False,
    ) -> Generator[Effect, Any, None]:
        error = finish.error or late
        if outcome == "failed" and late is None and self._is_at_limit(finish.handler):
            outcome = finish.outcome = "dead"
        result = HandlerResult(
            finish.handler,
            outcome,
            None if error is None else error_record(error),
            finish.answer,
            undecided,
        )
        finish.call = self._ledger.call("finish", self._claimed.claim, result, self._joined)
        try:
            told: Finished = yield finish
        except Exception:
            if error is not None:
                message = f"{finish.handler} failed for {self._event.id}; this was not recorded"
                log("ERROR", message, error, event_id=self._event.id)
            raise
        self._state = told.state
        self._finished.append(finish)
        self._delivery.answer = self._delivery.answer or finish.answer

    def _drained(self, *, give_back: bool) -> Flow:
        """Answer that a shutdown came between; a thread that still runs keeps the claim."""
        self._delivery.is_abandoned = not give_back
        if give_back:
            release = self._ledger.release(
                inline=0.0 if self._is_rescue else None,
                inbox=self._until_next(self._unsuccessful()),
                to_inbox=self._is_answered(),
            )
            try:
                yield GiveBack(self._ledger.call("give_back", self._claimed.claim, release))
            except LostClaim:
                log("INFO", f"{self._event.id} was settled, or taken over, before the shutdown")
        return WebhookResponse(Outcome.DRAINING, self._event.id, None, self._delivery.answer)

    def _end(self) -> Flow:
        missing = () if self._state in OVER else (yield from self._bury_missing())
        if self._state == "done":
            return self._handled()
        if self._state == "dead":
            return self._dead()
        claim = self._claimed.claim
        unsuccessful = self._unsuccessful()
        if not unsuccessful:
            return (yield from self._leave(missing))
        after = retry_after(unsuccessful)
        release = self._ledger.release(
            inline=after,
            inbox=self._until_next(unsuccessful),
            missing=missing,
            to_inbox=self._is_answered(),
        )
        yield Suspend(after, self._ledger.call("suspend", claim, release))
        return self._failed(handler_error(self._event, self._finished))

    def _leave(self, missing: tuple[str, ...]) -> Flow:
        """Give the event back with work left: to workers, or to code that has the handlers."""
        to_workers = not missing and self._has_work_for_inbox()
        after = self._ledger.options.inbox.dispatch_grace if to_workers else 0.0
        release = self._ledger.release(
            inbox=until_known(self._claimed, missing) if missing else after,
            missing=missing,
            to_inbox=to_workers or self._is_answered(),
        )
        yield GiveBack(self._ledger.call("give_back", self._claimed.claim, release))
        if not to_workers:
            return self._left(HandlerMissing(missing_message(self._event, missing)))
        yield from dispatched(self._ledger, self._event)
        return WebhookResponse(Outcome.ACCEPTED, self._event.id, None, self._delivery.answer)

    def _has_work_for_inbox(self) -> bool:
        left = (record.name for record in self._claimed.record.unsettled())
        return not self._for_inbox.isdisjoint(left)

    def _until_next(self, unsuccessful: list[Finish]) -> float:
        """
        Give the seconds until a worker makes the next attempt, as late as any handler asks.

        But what is left to workers from the start does not wait for an inline handler.
        """
        if self._has_work_for_inbox():
            return self._ledger.options.inbox.dispatch_grace
        return max(map(self._delay, unsuccessful), default=0.0)

    def _left(self, error: HandlerMissing) -> WebhookResponse:
        """Answer that other code is to go on, which is nothing unusual while it is rolled out."""
        if not self._is_rescue:
            return self._failed(error)
        log("INFO", str(error), event_id=self._event.id)
        if self._finished:
            finished, seconds = runs(self._finished), self._delivery.elapsed()
            self._settings.observers.tell("Failed", self._event, finished, seconds, error)
        return WebhookResponse(outcome_of(error), self._event.id, error, self._delivery.answer)

    def _delay(self, finish: Finish) -> float:
        """Give the seconds until a worker tries a handler again that has failed."""
        asked = retry_after([finish])
        if asked is not None:
            return asked
        return self._ledger.retry(finish.handler).delay(self._attempts(finish.handler))

    def _is_at_limit(self, name: str) -> bool:
        record = self._claimed.record
        if not self._is_rescue or record.lane == "inline":  # Stripe has limits of its own
            return False
        age = self._claimed.now - record.first_seen
        return self._ledger.retry(name).is_over(self._attempts(name), age)

    def _unsuccessful(self) -> list[Finish]:
        return [finish for finish in self._finished if finish.outcome == "failed"]

    def _is_answered(self) -> bool:
        return self._delivery.answer is not None

    def _attempts(self, name: str) -> int:
        record = self._claimed.record.handler(name)
        return 1 if record is None else record.attempts + 1

    def _bury_missing(self) -> Generator[Effect, Any, tuple[str, ...]]:
        """Give the planned handlers that the code lacks; those lacking for a day are dead."""
        missing: list[str] = []
        for record in self._claimed.record.unsettled():
            if record.name in self._ledger.code.handlers:
                continue
            since = record.missing_since
            if since is None or self._claimed.now - since < MISSING_FOR:
                missing.append(record.name)
                continue
            error = HandlerMissing(missing_message(self._event, (record.name,)))
            yield from self._finish(Finish(record.name, "dead", error), "dead")
        return tuple(missing)

    def _handled(self) -> WebhookResponse:
        observers = self._settings.observers
        if observers.want("Handled"):
            observers.tell("Handled", self._event, runs(self._finished), self._delivery.elapsed())
        return WebhookResponse(Outcome.HANDLED, self._event.id, None, self._delivery.answer)

    def _dead(self) -> WebhookResponse:
        if any(finish.error is not None for finish in self._finished):
            error: ProcessingError = handler_error(self._event, self._finished)
        else:
            error = ProcessingError(f"{self._event.id} is dead: a handler gave up before")
        log("ERROR", str(error), error, event_id=self._event.id)
        finished, seconds = runs(self._finished), self._delivery.elapsed()
        self._settings.observers.tell("Dead", self._event, finished, seconds, error)
        return WebhookResponse(Outcome.DEAD, self._event.id, error, self._delivery.answer)

    def _failed(self, error: StripeEventsError) -> WebhookResponse:
        return failed(self._settings, self._event, self._delivery, error, self._finished)


def _lost_claim(error: Exception | None) -> Exception | None:
    if error is None:
        return None
    return next((leaf for leaf in leaves(error) if isinstance(leaf, LostClaim)), None)
