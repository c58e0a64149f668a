"""What a ledger holds, as frozen values: every store keeps these, none other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stripe_events._messages import Answer

State: TypeAlias = Literal["pending", "parked", "claimed", "failed", "done", "dead"]
"""
``pending``: nobody's turn yet, or given back. ``parked``: not the head of its order key.
``claimed``: somebody works on it, or died doing so. ``failed``: an attempt is over and
work is left. ``done``, ``dead``: every planned handler is settled, and none or some is dead.
"""

Lane: TypeAlias = Literal["inline", "inbox"]
"""Who makes the next attempt: Stripe's next delivery, or a worker."""

HandlerState: TypeAlias = Literal["planned", "failed", "succeeded", "skipped", "dead", "dropped"]
"""The last four are settled: only ``retry`` and ``replay`` of an operator undo them."""

SETTLED: Final[frozenset[str]] = frozenset({"succeeded", "skipped", "dead", "dropped"})

OVER: Final[frozenset[str]] = frozenset({"done", "dead"})
"""The states of an event in which nothing is left to do."""


class ErrorRecord(NamedTuple):
    """
    What a handler raised; all texts are bounded.

    ``attempt`` (from 1) and ``at`` (unix seconds) are filled in by the store.
    """

    type: str
    message: str
    traceback: str = ""
    attempt: int = 0
    at: float = 0.0


class HandlerRecord(NamedTuple):
    """
    How far a planned handler has come.

    ``token`` is that of the claim that recorded ``outcome``, ``at`` the time of it (unix
    seconds). ``attempts`` counts runs that ended or died, ``abandoned`` those that died.
    ``late_error`` was raised after the handler had been settled. ``missing_since``: the
    first time since its last run that code without it met the event. ``formerly``: what it
    was called before. ``stale_key``: the group and object whose newest snapshot it must not
    fall behind, or None. ``undecided``: its ``where`` raised when it was last asked, so that
    it is to be asked again before the handler runs.
    """

    name: str
    outcome: HandlerState = "planned"
    attempts: int = 0
    token: int = 0
    at: float | None = None
    error: ErrorRecord | None = None
    late_error: ErrorRecord | None = None
    abandoned: int = 0
    missing_since: float | None = None
    formerly: tuple[str, ...] = ()
    stale_key: str | None = None
    undecided: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do for this handler."""
        return self.outcome in SETTLED


class EventRecord(NamedTuple):
    """
    All that the ledger knows of an event, but for its payload.

    Identity is ``(scope, id)``. Times are unix seconds by the store's clock, but for
    ``created``, which is Stripe's. ``revision`` rises with every write. ``token`` and
    ``claim_id`` name the last claim, ``running`` the handlers that it runs, in order;
    ``refused`` those whose ``where`` said no.
    """

    scope: str
    id: str
    type: str
    account: str | None
    livemode: bool
    created: float
    order_key: str | None
    first_seen: float
    last_seen: float
    state: State
    lane: Lane
    due: float | None
    token: int
    claim_id: str
    lease_until: float
    abandoned: int
    generation: int
    handlers: tuple[HandlerRecord, ...]
    refused: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    answer: Answer | None = None
    out_of_order: bool = False
    erased: bool = False
    revision: int = 1

    def handler(self, name: str) -> HandlerRecord | None:
        """Give the record of the handler of this name; None if it is not planned."""
        for handler in self.handlers:
            if handler.name == name:
                return handler
        return None

    def unsettled(self) -> Iterator[HandlerRecord]:
        """Give what is left to do, in the order of the plan."""
        return (handler for handler in self.handlers if handler.outcome not in SETTLED)


KeyKind: TypeAlias = Literal["order", "stale", "forgotten"]


class KeyId(NamedTuple):
    """
    What a key row is about.

    ``order``: one per order key. ``stale``: one per group and object. ``forgotten``: one
    per scope, with the key ``""``.
    """

    scope: str
    kind: KeyKind
    key: str


class KeyRecord(NamedTuple):
    """
    A row that several events share.

    ``holder`` is the event at the head of an order key, or None. ``newest`` is Stripe's
    ``created`` (unix seconds) of the newest event that was done (order), that the group
    succeeded on (stale), or that was forgotten. ``revision`` rises with every write.
    """

    id: KeyId
    holder: str | None = None
    newest: float | None = None
    revision: int = 1
