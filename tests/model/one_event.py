"""
The settings of the first search: one event, two handlers, two processes.

The first handler commits its effect together with its completion, the second does not.
"""

from __future__ import annotations

from typing import Final

from tests.model.settings import Setting, Subject, Version

EVENT: Final = (Subject("evt"),)
INSIDE: Final = frozenset({"credit"})

CODE: Final = Version("code", ("credit", "email"), works=True)
INBOX: Final = CODE._replace(name="inbox", inbox=True, works=False)
MIXED: Final = CODE._replace(name="mixed", mixed=("credit",), works=False)
WORKER: Final = CODE._replace(name="worker", delivers=False)
OLD: Final = Version("old", ("credit",), works=True)
OLD_MIXED: Final = MIXED._replace(name="old, mixed", handlers=("credit",))
OLD_WORKER: Final = OLD._replace(delivers=False)
NONE: Final = Version("none", ())
NONE_INBOX: Final = Version("none, inbox", (), inbox=True)
BEFORE: Final = Version("before", ("credit", "mail"), works=True)
RENAMED: Final = CODE._replace(formerly=(("mail", "email"),))
RETIRED: Final = Version("retired", ("credit",), retired=("email",), works=True)
RETIRED_INBOX: Final = RETIRED._replace(name="retired, inbox", inbox=True, works=False)
DRIVEN_OUT: Final = Version("retired", ("email",), retired=("credit",), works=True, inbox=True)

FAULTS: Final = Setting(EVENT, (CODE,), INSIDE, faults=3)

SETTINGS: Final[dict[str, tuple[Setting, int]]] = {
    "anything goes wrong": (FAULTS, 50_000),
    "runs end in every way": (
        FAULTS._replace(
            faults=2,
            ways=("succeeds", "fails", "is cancelled", "raises late", "skips", "gives up"),
        ),
        15_000,
    ),
    "inline and inbox": (FAULTS._replace(versions=(CODE, INBOX), takes=1, faults=2), 30_000),
    "mixed": (FAULTS._replace(versions=(WORKER, MIXED), faults=2), 25_000),
    "mixed beside inline and inbox": (
        FAULTS._replace(versions=(CODE, INBOX, MIXED), faults=1),
        12_000,
    ),
    "mixed, the plain one inline": (
        FAULTS._replace(
            versions=(WORKER, MIXED._replace(mixed=("email",))),
            faults=2,
            ways=("succeeds", "fails", "is cancelled", "skips", "gives up"),
        ),
        35_000,
    ),
    "mixed, and code without a handler": (
        FAULTS._replace(versions=(WORKER, MIXED, OLD_MIXED, OLD_WORKER), faults=1),
        10_000,
    ),
    "code without a handler": (FAULTS._replace(versions=(CODE, OLD), faults=2), 20_000),
    "code without any handler": (
        FAULTS._replace(versions=(CODE, NONE, NONE_INBOX), faults=1),
        1_000,
    ),
    "code with a former name": (
        FAULTS._replace(
            versions=(RENAMED, BEFORE),
            transactional=frozenset({"mail", "email"}),
            faults=2,
            ambiguous=False,
        ),
        20_000,
    ),
    "a former name in the inbox": (
        FAULTS._replace(versions=(RENAMED._replace(inbox=True), BEFORE), faults=1),
        10_000,
    ),
    "a retired handler": (
        FAULTS._replace(
            versions=(CODE, RETIRED, RETIRED_INBOX),
            faults=2,
            takes=1,
            ways=("succeeds", "fails", "is cancelled", "gives up"),
            crashes=False,
            lapses=False,
            ambiguous=False,
        ),
        5_000,
    ),
    "a handler retired after its lease": (
        FAULTS._replace(versions=(CODE, RETIRED), faults=1, ways=("succeeds",)),
        1_000,
    ),
    "a handler retired while it runs": (
        FAULTS._replace(versions=(CODE, DRIVEN_OUT), faults=1),
        5_000,
    ),
    "operators": (
        FAULTS._replace(
            deliveries=1,
            ambiguous=False,
            verbs=("retry", "drop"),
            ways=("succeeds", "fails", "is cancelled", "gives up"),
        ),
        10_000,
    ),
    "operators and the inbox": (
        FAULTS._replace(
            versions=(CODE, INBOX),
            takes=1,
            faults=2,
            ambiguous=False,
            verbs=("retry", "drop"),
            ways=("succeeds", "gives up"),
        ),
        10_000,
    ),
    "replay and erase": (
        FAULTS._replace(
            deliveries=1,
            crashes=False,
            ambiguous=False,
            verbs=("replay", "erase"),
            ways=("succeeds", "raises late"),
        ),
        8_000,
    ),
    "processes die": (
        FAULTS._replace(faults=4, takes=3, deliveries=1, ambiguous=False, ways=("succeeds",)),
        8_000,
    ),
    "an older copy comes back": (
        FAULTS._replace(takes=1, crashes=False, ambiguous=False, restores=True, ways=("succeeds",)),
        20_000,
    ),
}
"""By what they are about: a setting, and how many worlds it has at least."""

_HELD: Final = "another event holds the key"
_MONTH: Final = "nothing is forgotten within a month"

BEYOND: Final = {
    "accept: absent, key held -> parked": _HELD,
    "accept: parked, key held -> parked": _HELD,
    "accept: parked, nothing to run -> parked": _HELD,
    "enqueue: absent, key held -> parked": _HELD,
    "enqueue: parked, always -> parked": _HELD,
    "finish: parked, key free -> pending": _HELD,
    "retry: dead, key held -> parked": _HELD,
    "replay: done, key held -> parked": _HELD,
    "replay: dead, key held -> parked": _HELD,
    "drop: parked, work left -> parked": _HELD,
    "drop: parked, all settled -> done": _HELD,
    "drop: parked, one is dead -> dead": _HELD,
    "accept: absent, older than the watermark -> absent": _MONTH,
    "enqueue: absent, older than the watermark -> absent": _MONTH,
    "forget: done, last seen long ago -> absent": _MONTH,
    "forget: dead, last seen long ago -> absent": _MONTH,
}
"""Rows of the table that one event alone does not take, and why; the second search does."""
