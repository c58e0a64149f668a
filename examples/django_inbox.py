"""
Answer Stripe as soon as an event is recorded; a worker beside Django credits accounts by its ORM.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/django_inbox.py
    STRIPE_WEBHOOK_SECRET=whsec_... PYTHONPATH=examples stripe-events work django_inbox:router

By importing this the worker sets up Django; a command with ``Worker(router).run()`` does as well.
"""

import os
from collections.abc import Iterator

import django
from django.conf import settings
from django.core.management import execute_from_command_line as manage
from django.db import close_old_connections, connection, models, transaction

from stripe_events import AnyEvent, Context, EventRouter
from stripe_events.adapters.django import django_view, webhook_path
from stripe_events.events import InvoicePaid
from stripe_events.storage import SQLiteStore

FILE = os.environ.get("DATABASE", "app.db")
DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": FILE}
OPTIONS = {"OPTIONS": {"transaction_mode": "IMMEDIATE"}}  # else concurrent ones may fail
settings.configure(DEBUG=True, DATABASES={"default": DATABASE | OPTIONS}, ROOT_URLCONF=__name__)
django.setup()
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=SQLiteStore(FILE), delivery="inbox")


class Credit(models.Model):  # noqa: DJ008 - it is never shown
    """What an account was credited."""

    account = models.CharField(max_length=100)
    amount = models.IntegerField()
    Meta = type("Meta", (), {"app_label": "app", "db_table": "credits"})


@router.middleware
def without_stale_connections(_event: AnyEvent, _ctx: Context) -> Iterator[None]:
    """Do for a handler what Django does for a request."""
    close_old_connections()
    yield
    close_old_connections()


@router.on(InvoicePaid, name="credit")
def credit(event: InvoicePaid, ctx: Context) -> None:
    """Write the credit, and that this handler is done, in one transaction."""
    paid = event.data.object
    with transaction.atomic():
        Credit.objects.create(account=paid.customer, amount=paid.amount_paid)
        ctx.complete_on(connection.connection)


urlpatterns = [webhook_path("stripe", django_view(router))]
if __name__ == "__main__":
    columns = "id INTEGER PRIMARY KEY, account TEXT, amount INTEGER"  # a project migrates
    connection.cursor().execute(f"CREATE TABLE IF NOT EXISTS credits ({columns})")
    manage(["django", "runserver", "--noreload", os.environ.get("PORT", "8000")])
