"""The contracts, made of the cases: one for each protocol."""

from __future__ import annotations

from stripe_events.testing._contract.accepting import AcceptCases
from stripe_events.testing._contract.acting import ActCases
from stripe_events.testing._contract.concurring import ConcurrencyCases
from stripe_events.testing._contract.crashing import CrashCases
from stripe_events.testing._contract.failing import (
    FailureCases,
    InboxFailureCases,
    LedgerFailureCases,
)
from stripe_events.testing._contract.fencing import FenceCases
from stripe_events.testing._contract.finishing import FinishCases
from stripe_events.testing._contract.finishing_each import FinishEachCases
from stripe_events.testing._contract.inbox import EnqueueCases, TakeCases
from stripe_events.testing._contract.keeping import KeepCases
from stripe_events.testing._contract.looking import LookCases
from stripe_events.testing._contract.mixing import MixedCases
from stripe_events.testing._contract.ordering import OrderCases
from stripe_events.testing._contract.planning import PlanCases
from stripe_events.testing._contract.scoping import ScopeCases
from stripe_events.testing._contract.staling import StaleCases
from stripe_events.testing._contract.stepping import StepCases
from stripe_events.testing._contract.transacting import BlockCases, CompleteOnCases
from stripe_events.testing._contract.watching import WatchCases

__all__ = [
    "EventStoreContract",
    "InboxStoreContract",
    "LedgerStoreContract",
    "StoreContract",
    "TransactionalStoreContract",
]


class EventStoreContract(
    AcceptCases,
    FenceCases,
    CrashCases,
    FinishCases,
    PlanCases,
    OrderCases,
    StaleCases,
    ScopeCases,
    ConcurrencyCases,
    FailureCases,
):
    """
    What an ``EventStore`` or ``AsyncEventStore`` must keep, as test methods.

    Subclass it in a test file, give ``make_store()`` and as many of the other hooks as
    you can, and let pytest collect the class; for unittest name ``unittest.TestCase`` as
    a second base. Each case opens a store of its own and closes it. A failure names the
    promise that is broken.
    """


class InboxStoreContract(
    EventStoreContract, EnqueueCases, TakeCases, MixedCases, InboxFailureCases
):
    """What an ``InboxStore`` or ``AsyncInboxStore`` must keep; see ``EventStoreContract``."""


class LedgerStoreContract(EventStoreContract, LookCases, ActCases, KeepCases, LedgerFailureCases):
    """What a ``LedgerStore`` or ``AsyncLedgerStore`` must keep; see ``EventStoreContract``."""


class StoreContract(
    InboxStoreContract, LedgerStoreContract, StepCases, WatchCases, FinishEachCases
):
    """
    What a store of all three protocols must keep, sync or async; see ``EventStoreContract``.

    Its cases take besides every step of the table of transitions, and look for others. Those
    of ``WatchableStore`` and ``BatchStore`` are skipped for a store that has no ``watch`` or
    ``finish_each``.
    """


class TransactionalStoreContract(BlockCases, CompleteOnCases):
    """
    What a ``TransactionalStore`` or its async twin must keep besides.

    The same subclass may have this one and another contract as bases. Give ``write`` and
    ``written`` too, and ``connect`` for ``complete_on``.
    """
