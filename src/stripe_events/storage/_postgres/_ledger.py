"""What a store knows of its ledger, be it sync or async."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stripe_events.errors import UsageError
from stripe_events.storage._losses import known
from stripe_events.storage._plans import find
from stripe_events.storage._postgres._checks import Loss, durable
from stripe_events.storage._postgres._lists import Lists
from stripe_events.storage._postgres._rows import event_of, selected
from stripe_events.storage._postgres._schema import created, ledger_id
from stripe_events.storage._postgres._scripts import Script, Statement
from stripe_events.storage._postgres._statements import Statements, limited
from stripe_events.storage._postgres._tables import named

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stripe_events.storage._results import Claim

FOREIGN = "this connection leads to a database that does not hold the ledger of this store"

_MARK = b"SELECT set_config('stripe_events.claim', %s, true)"
_MARKED = b"SELECT current_setting('stripe_events.claim', true)"

_ENDED = (
    "the block has ended its transaction by itself, by COMMIT or ROLLBACK in SQL: what it wrote "
    "until then is not bound to the event"
)


class Ledger:
    """
    The tables, how they are read and written, and the ledger's own id.

    ``id`` is None until the database was looked at.
    """

    def __init__(
        self,
        schema: str | None,
        prefix: str | None,
        accept_loss: Collection[str],
        lock_timeout: float,
    ) -> None:
        """Ask nothing of the database yet."""
        self.tables = named(schema, prefix)
        self.statements = Statements(self.tables, lock_timeout)
        self.in_transaction = Statements(self.tables, None)
        self.is_due = Lists(self.tables).is_due
        self.id: str | None = None
        self._accepted = known(accept_loss, Loss)
        self._locked = (
            f"SELECT {selected()} FROM {self.tables.events} "  # noqa: S608 - names are quoted
            f"WHERE scope = %s AND id = ANY(%s) AND {limited(lock_timeout)} FOR UPDATE"
        ).encode()

    def created(self) -> Script[None]:
        """Make the tables, or bring them up to date."""
        return created(self.tables)

    def checked(self) -> Script[None]:
        """Look at server and tables before their first use; a ConfigurationError refuses them."""
        yield from durable(self._accepted)
        self.id = yield from ledger_id(self.tables)

    def recognised(self) -> Script[None]:
        """Look whether a user's connection leads to this ledger; a UsageError if not."""
        select = f"SELECT ledger FROM {self.tables.meta}"  # noqa: S608
        rows = yield Statement(select.encode())
        if self.id is not None and rows != [(self.id,)]:
            raise UsageError(FOREIGN)

    def marked(self, claim: Claim) -> Script[None]:
        """Mark a transaction as that of a claim, until it ends in whatever way."""
        yield Statement(_MARK, (claim.claim_id,))

    def still_marked(self, claim: Claim) -> Script[None]:
        """Look whether it still is the same transaction; a UsageError if not."""
        if (yield Statement(_MARKED)) != [(claim.claim_id,)]:
            raise UsageError(_ENDED)

    def settled(self, claim: Claim, name: str) -> Script[bool]:
        """Read a handler's state, after whoever has locked the record has ended."""
        rows = yield Statement(self._locked, (claim.scope, [claim.id]))
        handler = find(event_of(rows[0]), name) if rows else None
        return handler is not None and handler.is_settled

    def freed(self, scope: str, ids: Sequence[str]) -> Script[None]:
        """Wait until nobody has locked these events."""
        yield Statement(self._locked, (scope, ids))
