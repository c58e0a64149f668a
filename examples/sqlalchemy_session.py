"""
Credit an account exactly once in a SQLAlchemy session, with the ledger in the same database.

    export STRIPE_WEBHOOK_SECRET=whsec_... DATABASE_URL=postgresql://...
    python examples/sqlalchemy_session.py "$STRIPE_SIGNATURE" < body.json

It takes one signed delivery; in an app, its framework gives body and headers.
"""

import os
import sys

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from stripe_events import Context, EventRouter
from stripe_events.events import InvoicePaid
from stripe_events.storage import PostgresStore

DSN = os.environ["DATABASE_URL"]
engine = create_engine(DSN.replace("postgresql://", "postgresql+psycopg://", 1))
store = PostgresStore(DSN)
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=store)


class Base(DeclarativeBase):
    """The tables of this app."""


class Credit(Base):
    """What an account was credited."""

    __tablename__ = "credits"

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    amount: Mapped[int]


@router.on(InvoicePaid, name="credit")
def credit(event: InvoicePaid, ctx: Context) -> None:
    """Write the credit, and that this handler is done, in one transaction."""
    invoice = event.data.object
    with Session(engine) as session, session.begin():
        session.add(Credit(account=str(invoice.customer), amount=invoice.amount_paid))
        session.flush()
        ctx.complete_on(session.connection().connection.driver_connection)


if __name__ == "__main__":
    Base.metadata.create_all(engine)
    store.create_schema()
    answer = router.handle(sys.stdin.buffer.read(), sys.argv[1])
    print(answer.status, answer.body.decode(), flush=True)
    router.close()
