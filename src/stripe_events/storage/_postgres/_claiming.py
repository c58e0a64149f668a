"""
Claims of what is due, all of a call in one transaction.

What it has read stays locked until it is claimed, and others skip what is locked: so many
workers do not race for the same events. Whether anything is due is looked up before,
by a statement of its own: an idle worker begins no transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stripe_events.storage._operations import ReadDue
from stripe_events.storage._wakes import noted

if TYPE_CHECKING:
    from collections.abc import Callable

    from stripe_events.storage._postgres._ledger import Ledger
    from stripe_events.storage._postgres._scripts import Script
    from stripe_events.storage._records import EventRecord
    from stripe_events.storage._results import Taken
    from stripe_events.storage._verbs import Verb


class Claiming:
    """
    One call of ``take_due``, which is tried again if its connection breaks.

    Args:
        scope: whose events.
        verb: begins the verb.
    """

    def __init__(self, scope: str, verb: Callable[[], Verb[list[Taken]]]) -> None:
        """Begin nothing yet."""
        self.scope = scope
        self.verb = verb
        self.steps: list[tuple[Any, Any]] = []
        """What the last try has performed, and what that gave; it counts once committed."""
        self._read: tuple[float, list[EventRecord]] | None = None

    def looked(self, ledger: Ledger) -> Script[bool]:
        """
        Tell whether there is anything to claim, before the transaction.

        After a try whose connection broke, there is what it has read: the server may need a
        moment to notice, so wait until it has let go of that.
        """
        read = [given for step, given in self.steps if isinstance(step, ReadDue)]
        if not read:
            return (yield from ledger.is_due(self.scope))
        self._read = _, records = read[-1]
        yield from ledger.freed(self.scope, [record.id for record in records])
        return True

    def tried(self) -> Verb[list[Taken]]:
        """Begin the verb, anew if the connection broke."""
        self.steps = []
        return noted(self.verb(), self.steps)

    def known(self, step: object) -> tuple[float, list[EventRecord]] | None:
        """
        Give what a broken try has read as due; None if it is to be read.

        It may have been committed. Then the same claims, written again, are found as made,
        while what is due without them are other events.
        """
        if not isinstance(step, ReadDue):
            return None
        read, self._read = self._read, None
        return read
