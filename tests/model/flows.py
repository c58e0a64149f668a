"""
What a process does, as generators that ask the world for one thing after another.

A small copy of the delivery's and the worker's way, kept to what the ledger's contract
says of it: claim, run what is left in the claim's order, finish each, and end the attempt.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from stripe_events.errors import LostClaim, StaleSnapshot, StoreError
from stripe_events.storage._records import OVER, ErrorRecord
from stripe_events.storage._results import Claim, HandlerResult
from tests.model.ledgers import SCOPE
from tests.model.settings import DAY, LEASE, Setting, Way, release, rest

if TYPE_CHECKING:
    from stripe_events.storage._results import Claimed

_ERROR = ErrorRecord("Error", "why")


_ANSWERS = {"Settled": 200, "Enqueued": 200, "Held": 409, "Expired": 0, "Unwanted": 0}
"""What is answered when there is nothing to run; 0 promises nothing."""


class Job(NamedTuple):
    """What a process was started for; ``number`` is that of its claim, if it makes one."""

    kind: Literal["delivery", "worker", "operator"]
    version: str
    number: int = 0
    event: str = ""
    verb: str = ""
    handler: str = ""


class Call(NamedTuple):
    """Drive a verb of the store; ``may_fail``: whoever asks goes on if that cannot be."""

    verb: str
    arguments: tuple[Any, ...]
    claim: Claim | None = None
    in_transaction: bool = False
    handler: str = ""
    may_fail: bool = False


class Effect(NamedTuple):
    """Do what a handler is there for, outside the ledger's database."""

    event: str
    handler: str


class Choice(NamedTuple):
    """Let the world choose."""

    ways: tuple[Way, ...]


Request: TypeAlias = Call | Effect | Choice
Flow: TypeAlias = Generator[Request, Any, int]


class Work(NamedTuple):
    """What a claim means to its holder; ``rest`` is what it leaves to the inbox."""

    claim: Claim
    running: tuple[str, ...]
    rest: tuple[str, ...]
    stale: frozenset[str]
    missing: tuple[str, ...]
    overdue: tuple[str, ...]


def work_of(claimed: Claimed, known: frozenset[str]) -> Work:
    """Tell what is to be done, and what this code does not have."""
    record = claimed.record
    missing = [one for one in record.unsettled() if one.name not in known]
    overdue = [
        one.name
        for one in missing
        if one.missing_since is not None and claimed.now - one.missing_since >= DAY
    ]
    return Work(
        claimed.claim,
        record.running,
        tuple(one.name for one in record.unsettled() if one.name in known - {*record.running}),
        claimed.stale,
        tuple(one.name for one in missing if one.name not in overdue),
        tuple(overdue),
    )


def flow(setting: Setting, job: Job) -> Flow:
    """Give what a process does for its job; its result is an HTTP status."""
    if job.kind == "delivery":
        return _delivery(setting, job)
    return _worker(setting, job) if job.kind == "worker" else _operator(job)


def _delivery(setting: Setting, job: Job) -> Flow:
    version = setting.version(job.version)
    arrival = setting.arrival(job.event, version, job.number)
    if version.inbox:
        return _ANSWERS[(yield Call("enqueue", (arrival,)))]
    accepted = yield Call("accept", (arrival, LEASE))
    if isinstance(accepted, Work):
        return (yield from _attempt(setting, accepted))
    return _ANSWERS[accepted]


def _worker(setting: Setting, job: Job) -> Flow:
    code = setting.version(job.version).code()
    taken = yield Call("take_due", (SCOPE, code, str(job.number), LEASE, 1))
    for work in taken:
        yield from _attempt(setting, work)
    return 0


def _operator(job: Job) -> Flow:
    yield Call(job.verb, (job.event, job.handler))
    return 0


def _attempt(setting: Setting, work: Work) -> Flow:
    """Run what the claim gives, and end the attempt."""
    state, failed = "claimed", False
    try:
        for name in work.running:
            ended = yield from _run(setting, work, name)
            if ended is None:
                yield Call("give_back", (work.claim, release(work.missing)), work.claim)
                return 503
            state, failed = ended.state, failed or ended.failed
        for name in work.overdue:
            state = (yield _finish(work, name, "dead")).state
        if state in OVER:
            return 200
        if not failed and work.rest:
            return (yield from _leave(work))
        verb = "suspend" if failed else "give_back"
        yield Call(verb, (work.claim, release(work.missing)), work.claim)
    except LostClaim:
        pass
    return 500


def _leave(work: Work) -> Flow:
    """
    Leave the rest to the inbox, due at once.

    It is the inbox's by the claim: so 200 needs no more than the last result, be this
    write made or not.
    """
    with suppress(LostClaim, StoreError):
        yield Call("give_back", (work.claim, rest(work.missing)), work.claim, may_fail=True)
    return 200


class Ended(NamedTuple):
    """What came of a run."""

    state: str
    failed: bool


_OUTCOMES = {"skips": "skipped", "gives up": "dead", "fails": "failed"}


def _run(setting: Setting, work: Work, name: str) -> Generator[Request, Any, Ended | None]:
    """Run a handler and record how it ended; None if it was cancelled."""
    way = "skips" if name in work.stale else (yield Choice(setting.ways))
    if way not in ("skips", "gives up"):
        if name not in setting.transactional:
            yield Effect(work.claim.id, name)
        elif way in ("succeeds", "raises late"):
            return (yield from _in_transaction(work, name, way))
    if way == "is cancelled":
        return None
    told = yield _finish(work, name, _OUTCOMES.get(way, "succeeded"))
    return Ended(told.state, way == "fails")


def _in_transaction(work: Work, name: str, way: str) -> Generator[Request, Any, Ended]:
    """Run a handler that commits its effect together with its completion."""
    failed = False
    try:
        told = yield _finish(work, name, "succeeded", in_transaction=True)
    except StaleSnapshot:
        told = yield _finish(work, name, "skipped")
    except StoreError:
        told = yield _finish(work, name, "failed")
        failed = not told.settled_before
    if way == "raises late":
        told = yield _finish(work, name, "failed")
    return Ended(told.state, failed)


def _finish(work: Work, name: str, outcome: Any, *, in_transaction: bool = False) -> Call:
    error = _ERROR if outcome in ("failed", "dead") else None
    result = HandlerResult(name, outcome, error)
    return Call("finish", (work.claim, result), work.claim, in_transaction, name)
