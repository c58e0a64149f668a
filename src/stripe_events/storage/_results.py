"""What the verbs of a store take and give, as frozen values for ``match``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events._messages import Answer
    from stripe_events.storage._records import ErrorRecord, EventRecord, Lane, State


class PlannedHandler(NamedTuple):
    """
    A handler that is to run for an event; the rest as in ``HandlerRecord``.

    Its former names are also in ``Code``, where a verb is given that.
    """

    name: str
    stale_key: str | None = None
    undecided: bool = False
    formerly: tuple[str, ...] = ()


class Plan(NamedTuple):
    """
    What the running code would do with an event.

    ``wanted``: handlers that match, in running order. ``refused``: those whose ``where``
    said no. ``undecided``: those whose ``where`` has not been asked yet.
    """

    wanted: tuple[PlannedHandler, ...] = ()
    refused: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


NOTHING_NEW: Final = Plan()


class Code(NamedTuple):
    """
    What a store must know of the running code.

    ``handlers``: the names of all that it has. ``formerly``: pairs of an old name and the
    new one. ``retired``: names that are dropped. ``max_abandoned``: after how many runs
    that died a handler is dead.
    """

    handlers: frozenset[str]
    formerly: tuple[tuple[str, str], ...] = ()
    retired: frozenset[str] = frozenset()
    max_abandoned: int = 5


class Arrival(NamedTuple):
    """
    A verified event that came in.

    ``created`` is Stripe's time, in unix seconds. ``claim_id`` is random and the caller's:
    an ``accept`` that is repeated with it, because the answer was lost, gives the same
    claim again. ``trusted``: it came without a signature, so that it may be older than
    what was forgotten. ``rescue_after``: seconds after which an inline event that nobody
    delivers again is due. ``lane``: who makes the next attempt if a claim by ``accept``
    leaves something over; ``enqueue`` ignores it. ``inbox_after``: seconds after which an
    event that becomes the inbox's is due, for another queue is told of it at once.
    """

    scope: str
    id: str
    type: str
    account: str | None
    livemode: bool
    created: float
    payload: bytes
    plan: Plan
    code: Code
    claim_id: str
    order_key: str | None = None
    trusted: bool = False
    rescue_after: float = 345_600.0
    lane: Lane = "inline"
    inbox_after: float = 0.0


class Claim(NamedTuple):
    """The right to work on an event, until the next claim; every write names it."""

    scope: str
    id: str
    token: int
    claim_id: str


class Claimed(NamedTuple):
    """
    The event is yours.

    ``record`` is what is known of it, ``record.running`` what is to be run, in order;
    ``stale`` those of them that a newer snapshot has overtaken. ``now`` is the store's
    time (unix seconds).
    """

    claim: Claim
    record: EventRecord
    now: float
    stale: frozenset[str] = frozenset()


class Held(NamedTuple):
    """
    Somebody else has it, or goes first: try again in ``seconds`` at the earliest.

    ``answer``: what Stripe is to be answered, if a handler has said so already.
    """

    seconds: float
    answer: Answer | None = None


class Settled(NamedTuple):
    """Nothing is left to do; ``answer`` is what Stripe was answered, if it reads that."""

    state: Literal["done", "dead"]
    answer: Answer | None = None


class Expired(NamedTuple):
    """It is older than what was forgotten, and absent: it may have been handled."""


class Unwanted(NamedTuple):
    """No handler is for it, and the ledger does not have it: nothing was recorded."""


class Undecided(NamedTuple):
    """Nothing was written: ask the ``where`` of these handlers, and come again."""

    handlers: tuple[str, ...]


class Enqueued(NamedTuple):
    """
    It is recorded, and due in the inbox.

    ``answer``: what Stripe is to be answered, if a handler has said so already.
    """

    answer: Answer | None = None


Accepted: TypeAlias = Claimed | Enqueued | Held | Settled | Expired | Unwanted | Undecided
Recorded: TypeAlias = Enqueued | Settled | Expired | Unwanted | Undecided


class HandlerResult(NamedTuple):
    """
    How a run of a handler ended; ``answer`` is what it answers Stripe, if it does.

    ``undecided``: it did not run, for its ``where`` raised and is to be asked again.
    """

    handler: str
    outcome: Literal["succeeded", "skipped", "failed", "dead"]
    error: ErrorRecord | None = None
    answer: Answer | None = None
    undecided: bool = False


class Ending(NamedTuple):
    """The end of a handler's run, as ``finish`` takes it."""

    claim: Claim
    result: HandlerResult
    joined: Plan = NOTHING_NEW


class Finished(NamedTuple):
    """
    The result is recorded; ``state`` is what the event has come to.

    ``settled_before``: the handler was settled already, and stays as it was; an error is
    kept as its late error.
    """

    state: State
    settled_before: bool = False


class Release(NamedTuple):
    """
    When an event is due again, in seconds from now, by who makes the next attempt.

    ``missing``: planned handlers that the running code does not have. ``to_inbox``: from
    now on the inbox makes the next attempt, for Stripe was answered 200.
    """

    inline: float
    inbox: float
    missing: tuple[str, ...] = ()
    to_inbox: bool = False


class Taken(NamedTuple):
    """An event that was due and is yours; ``payload`` is its JSON, None if it was erased."""

    claimed: Claimed
    payload: bytes | None


class Query(NamedTuple):
    """
    Which events of a scope are meant; None, and empty tuples, ask for nothing.

    ``seen_before`` and ``seen_after`` compare ``last_seen`` (unix seconds). ``overdue``:
    only events that are due, or whose lease is over, for more than so many seconds.
    ``type`` may hold ``*`` for any run of characters.
    """

    ids: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    type: str | None = None
    account: str | None = None
    handler: str | None = None
    seen_before: float | None = None
    seen_after: float | None = None
    overdue: float | None = None
    erased: bool | None = None


EVERYTHING: Final = Query()


class StoredEvent(NamedTuple):
    """An event as the ledger has it; ``payload`` is its JSON, None if it was erased."""

    record: EventRecord
    payload: bytes | None


class Changed(NamedTuple):
    """It was done; ``record`` is the event as it is now."""

    record: EventRecord


class Refused(NamedTuple):
    """Nothing was changed, for this reason."""

    reason: str


Acted: TypeAlias = Changed | Refused
