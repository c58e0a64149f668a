"""
What a search is about: events, handlers, versions of the code, and how much may happen.

Time is counted in leases. A unit of it ends every lease and every backoff; an inline
event that nobody delivers again is due after two.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from stripe_events.storage._results import Arrival, Code, Plan, PlannedHandler, Release
from tests.model.ledgers import SCOPE

LEASE: Final = 1.0
BACKOFF: Final = 1.0
RESCUE: Final = 2.0
DAY: Final = 2.0
"""After so long a handler that the code does not have is dead."""

MAX_ABANDONED: Final = 2

Way: TypeAlias = Literal["succeeds", "fails", "is cancelled", "raises late", "skips", "gives up"]
"""How a run of a handler goes; that its process dies besides can happen at any time."""

Verb: TypeAlias = Literal["retry", "replay", "drop", "erase", "forget"]


class Version(NamedTuple):
    """
    A version of the application: what it has registered, and how it takes events in.

    ``inbox``: its deliveries only record. ``mixed``: its deliveries run these handlers, and
    leave the others to the inbox.
    """

    name: str
    handlers: tuple[str, ...]
    formerly: tuple[tuple[str, str], ...] = ()
    retired: tuple[str, ...] = ()
    inbox: bool = False
    mixed: tuple[str, ...] = ()
    delivers: bool = True
    works: bool = False

    def code(self) -> Code:
        """Give what a store must know of it."""
        return Code(frozenset(self.handlers), self.formerly, frozenset(self.retired), MAX_ABANDONED)

    def delivering(self) -> Code:
        """Give what a store must know of it when it delivers: a mixed one leaves the rest alone."""
        code = self.code()
        return code._replace(handlers=frozenset(self.mixed)) if self.mixed else code


class Subject(NamedTuple):
    """An event of Stripe's."""

    id: str
    created: float = 1.0
    order_key: str | None = None
    trusted: bool = False


class Setting(NamedTuple):
    """
    A world to be searched, and its bounds.

    Args:
        subjects: the events that may come, each at most ``deliveries`` times.
        versions: of the application; all may run at the same time.
        transactional: handlers whose effects commit together with their completion.
        stale: the group of handlers that copy snapshots.
        takes: how often workers may take what is due.
        faults: how much may go wrong in all, and how often operators may act.
        ways: how runs of handlers may go.
        verbs: what operators may do.
        ambiguous: answers of commits may be lost.
        restores: an older copy of the database may come back.
        keeps: as in ``Database``.
    """

    subjects: tuple[Subject, ...]
    versions: tuple[Version, ...]
    transactional: frozenset[str] = frozenset()
    stale: tuple[tuple[str, str], ...] = ()
    deliveries: int = 2
    takes: int = 2
    faults: int = 2
    ways: tuple[Way, ...] = ("succeeds", "fails")
    verbs: tuple[Verb, ...] = ()
    crashes: bool = True
    lapses: bool = True
    ambiguous: bool = True
    restores: bool = False
    months: bool = False
    keeps: tuple[str, ...] = ()

    @property
    def shares(self) -> bool:
        """Whether events have keys in common."""
        return bool(self.stale) or any(one.order_key for one in self.subjects)

    def version(self, name: str) -> Version:
        """Give the version of this name."""
        return next(one for one in self.versions if one.name == name)

    def subject(self, event_id: str) -> Subject:
        """Give the event of this id."""
        return next(one for one in self.subjects if one.id == event_id)

    def arrival(self, event_id: str, version: Version, number: int) -> Arrival:
        """Give a delivery of an event as this version of the code takes it in."""
        subject = self.subject(event_id)
        groups = dict(self.stale)
        wanted = tuple(PlannedHandler(name, groups.get(name)) for name in version.handlers)
        return Arrival(
            SCOPE,
            event_id,
            "t",
            None,
            False,
            subject.created,
            b"{}",
            Plan(wanted),
            version.delivering(),
            str(number),
            subject.order_key,
            subject.trusted,
            RESCUE,
            "inbox" if version.mixed else "inline",
        )


def release(missing: tuple[str, ...]) -> Release:
    """Give when an event is due again."""
    return Release(RESCUE, BACKOFF, missing)


def rest(missing: tuple[str, ...]) -> Release:
    """Give to the inbox what a mixed delivery leaves over."""
    return Release(RESCUE, 0.0, missing, to_inbox=True)
