"""
The one table of what can become of a recorded event.

``_transitions`` reads its targets here; tests hold every store against it, the model
searches it, and the documentation draws it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from stripe_events.storage._records import State

Verb: TypeAlias = Literal[
    "accept",
    "enqueue",
    "take_due",
    "extend",
    "finish",
    "suspend",
    "give_back",
    "retry",
    "replay",
    "drop",
    "erase",
    "forget",
]

Source: TypeAlias = "State | Literal['absent']"

When: TypeAlias = Literal[
    "key free",
    "key held",
    "lease over",
    "lease runs",
    "same claim id",
    "older than the watermark",
    "nothing wanted",
    "fence",
    "settled by this claim",
    "work left",
    "nothing to run",
    "all settled",
    "one is dead",
    "due",
    "last seen long ago",
    "always",
]


class Transition(NamedTuple):
    """
    One row: ``verb`` takes an event from ``source`` to ``target`` when something holds.

    ``writes`` says in words what else changes, ``gives`` what the caller is told.
    """

    verb: Verb
    source: Source
    when: When
    target: Source
    writes: str
    gives: str


_CLAIM = "token + 1, claim id, lease; the plan may grow"
_DELIVERED = f"{_CLAIM}; the lane inbox, if the delivery says so, which keeps due there"
_SEEN_PARKED = "last seen; the lane inbox and due if none, if the delivery says so"
_TAKEOVER = "as a claim; the suspect and the event abandoned + 1"
_LEFT = "as enqueue: nothing is left but what the delivery leaves to the inbox"
_SETTLED = "nothing is left, by retire or by the last suspect's death; the key is handed on"
_RETRIED = "dead handlers planned; abandoned 0; token + 1; inbox, due now"
_REPLAYED = "generation + 1; chosen handlers planned; abandoned 0; token + 1; inbox, due now"
_GIVEN_BACK = "due, by the lane, in the inbox not before it was; nothing counted"
_LAST = "handler; the key is handed on"

TRANSITIONS: Final = (
    Transition(
        "accept", "absent", "key free", "claimed", "plan, lane, token 1, claim id, lease", "Claimed"
    ),
    Transition("accept", "absent", "key held", "parked", "plan, lane, due by the lane", "Held"),
    Transition("accept", "absent", "older than the watermark", "absent", "-", "Expired"),
    Transition("accept", "absent", "nothing wanted", "absent", "-", "Unwanted"),
    Transition("accept", "parked", "key held", "parked", _SEEN_PARKED, "Held"),
    Transition("accept", "parked", "nothing to run", "parked", _LEFT, "Enqueued"),
    Transition("accept", "pending", "nothing to run", "pending", _LEFT, "Enqueued"),
    Transition("accept", "pending", "work left", "claimed", _DELIVERED, "Claimed"),
    Transition("accept", "pending", "all settled", "done", _SETTLED, "Settled"),
    Transition("accept", "pending", "one is dead", "dead", _SETTLED, "Settled"),
    Transition("accept", "failed", "nothing to run", "failed", _LEFT, "Enqueued"),
    Transition("accept", "failed", "work left", "claimed", _DELIVERED, "Claimed"),
    Transition("accept", "failed", "all settled", "done", _SETTLED, "Settled"),
    Transition("accept", "failed", "one is dead", "dead", _SETTLED, "Settled"),
    Transition("accept", "claimed", "same claim id", "claimed", "-", "Claimed"),
    Transition("accept", "claimed", "nothing to run", "claimed", _LEFT, "Enqueued"),
    Transition("accept", "claimed", "lease runs", "claimed", "-", "Held"),
    Transition("accept", "claimed", "lease over", "claimed", _TAKEOVER, "Claimed"),
    Transition("accept", "claimed", "all settled", "done", _SETTLED, "Settled"),
    Transition("accept", "claimed", "one is dead", "dead", _SETTLED, "Settled"),
    Transition("accept", "done", "always", "done", "last seen", "Settled"),
    Transition("accept", "dead", "always", "dead", "last seen", "Settled"),
    Transition("enqueue", "absent", "key free", "pending", "plan, lane inbox, due", "Enqueued"),
    Transition("enqueue", "absent", "key held", "parked", "plan, lane inbox, due", "Enqueued"),
    Transition("enqueue", "absent", "older than the watermark", "absent", "-", "Expired"),
    Transition("enqueue", "absent", "nothing wanted", "absent", "-", "Unwanted"),
    Transition("enqueue", "pending", "always", "pending", "lane inbox, due if none", "Enqueued"),
    Transition("enqueue", "failed", "always", "failed", "lane inbox, due if none", "Enqueued"),
    Transition("enqueue", "parked", "always", "parked", "lane inbox, due if none", "Enqueued"),
    Transition("enqueue", "claimed", "always", "claimed", "lane inbox, due if none", "Enqueued"),
    Transition("enqueue", "done", "always", "done", "last seen", "Settled"),
    Transition("enqueue", "dead", "always", "dead", "last seen", "Settled"),
    Transition("take_due", "pending", "due", "claimed", _CLAIM, "Claimed"),
    Transition("take_due", "pending", "all settled", "done", _SETTLED, "-"),
    Transition("take_due", "pending", "one is dead", "dead", _SETTLED, "-"),
    Transition("take_due", "failed", "due", "claimed", _CLAIM, "Claimed"),
    Transition("take_due", "failed", "all settled", "done", _SETTLED, "-"),
    Transition("take_due", "failed", "one is dead", "dead", _SETTLED, "-"),
    Transition("take_due", "claimed", "lease over", "claimed", _TAKEOVER, "Claimed"),
    Transition("take_due", "claimed", "all settled", "done", _SETTLED, "-"),
    Transition("take_due", "claimed", "one is dead", "dead", _SETTLED, "-"),
    Transition("extend", "claimed", "fence", "claimed", "lease, by the store's clock", "-"),
    Transition("finish", "claimed", "work left", "claimed", "handler", "Finished"),
    Transition("finish", "claimed", "all settled", "done", _LAST, "Finished"),
    Transition("finish", "claimed", "one is dead", "dead", _LAST, "Finished"),
    Transition("finish", "done", "settled by this claim", "done", "late error", "Finished"),
    Transition("finish", "dead", "settled by this claim", "dead", "late error", "Finished"),
    Transition("finish", "parked", "key free", "pending", "its turn: the head is settled", "-"),
    Transition("suspend", "claimed", "fence", "failed", "due, by the lane", "-"),
    Transition("give_back", "claimed", "fence", "pending", _GIVEN_BACK, "-"),
    Transition("retry", "failed", "always", "pending", _RETRIED, "Changed"),
    Transition("retry", "dead", "key free", "pending", _RETRIED, "Changed"),
    Transition("retry", "dead", "key held", "parked", _RETRIED, "Changed"),
    Transition("replay", "done", "key free", "pending", _REPLAYED, "Changed"),
    Transition("replay", "done", "key held", "parked", _REPLAYED, "Changed"),
    Transition("replay", "dead", "key free", "pending", _REPLAYED, "Changed"),
    Transition("replay", "dead", "key held", "parked", _REPLAYED, "Changed"),
    Transition("drop", "pending", "work left", "pending", "handler dropped", "Changed"),
    Transition("drop", "pending", "all settled", "done", "handler dropped", "Changed"),
    Transition("drop", "pending", "one is dead", "dead", "handler dropped", "Changed"),
    Transition("drop", "parked", "work left", "parked", "handler dropped", "Changed"),
    Transition("drop", "parked", "all settled", "done", "handler dropped", "Changed"),
    Transition("drop", "parked", "one is dead", "dead", "handler dropped", "Changed"),
    Transition("drop", "failed", "work left", "failed", "handler dropped", "Changed"),
    Transition("drop", "failed", "all settled", "done", "handler dropped", "Changed"),
    Transition("drop", "failed", "one is dead", "dead", "handler dropped", "Changed"),
    Transition("drop", "dead", "all settled", "done", "handler dropped", "Changed"),
    Transition("drop", "dead", "one is dead", "dead", "handler dropped", "Changed"),
    Transition("erase", "done", "always", "done", "payload and tracebacks gone", "count"),
    Transition("erase", "dead", "always", "dead", "payload and tracebacks gone", "count"),
    Transition("forget", "done", "last seen long ago", "absent", "watermark", "count"),
    Transition("forget", "dead", "last seen long ago", "absent", "watermark", "count"),
)

_TARGETS: Final[dict[tuple[Verb, Source, When], Any]] = {
    (row.verb, row.source, row.when): row.target for row in TRANSITIONS
}


def target(verb: Verb, source: Source, when: When) -> State:
    """Give the state that follows; a KeyError says that the table knows no such step."""
    state: State = _TARGETS[verb, source, when]
    return state
