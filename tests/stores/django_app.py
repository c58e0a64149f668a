"""
A Django project in one file, for a process of its own: deliveries, and what came of them.

    python django_app.py DSN_OR_FILE atomic|non_atomic commit|rollback SIGNATURE < BODY

Delivers the body twice, and writes JSON: the outcomes, how many credits there are, the
state of the event, and what was logged.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import django
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from psycopg.conninfo import conninfo_to_dict

from stripe_events import Context, EventRouter
from stripe_events.events import InvoicePaid
from stripe_events.storage import PostgresStore, SQLiteStore

DATABASE, VIEW, END, SIGNATURE = sys.argv[1:]
BODY = sys.stdin.buffer.read()
IN_FILE = "://" not in DATABASE


def database() -> dict[str, Any]:
    """Give Django's settings of the database."""
    if IN_FILE:
        options = {"transaction_mode": "IMMEDIATE", "timeout": 0.2}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE, "OPTIONS": options}
    parts = conninfo_to_dict(DATABASE)
    where = {"NAME": parts["dbname"], "USER": parts["user"], "HOST": parts["host"]}
    return {"ENGINE": "django.db.backends.postgresql", **where}


settings.configure(
    DATABASES={"default": database() | {"ATOMIC_REQUESTS": True}}, ROOT_URLCONF=__name__
)
django.setup()
store = SQLiteStore(DATABASE, busy_timeout=0.2) if IN_FILE else PostgresStore(DATABASE)
router = EventRouter("whsec_django", store=store)


@router.on(InvoicePaid, name="credit")
def credit(event: InvoicePaid, ctx: Context) -> None:
    """Write the credit and the completion in one transaction of Django's, and end it."""
    with transaction.atomic():
        connection.cursor().execute("INSERT INTO credits VALUES (%s)", [event.id])
        ctx.complete_on(connection.connection)
        if END == "rollback" and ctx.attempt == 1:
            transaction.set_rollback(True)


@csrf_exempt
def atomic(request: HttpRequest) -> HttpResponse:
    """Receive a delivery inside the transaction that ATOMIC_REQUESTS begins."""
    response = router.handle(request.body, request.headers)
    outcomes.append(response.outcome)
    return HttpResponse(response.body, status=response.status)


@csrf_exempt
@transaction.non_atomic_requests
def non_atomic(request: HttpRequest) -> HttpResponse:
    """Receive a delivery outside of any transaction."""
    return atomic(request)


outcomes: list[str] = []
logged: list[str] = []
urlpatterns = [path("atomic", atomic), path("non_atomic", non_atomic)]


class Kept(logging.Handler):
    """Keep what the library logs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, and those of the errors in a group."""
        error = record.exc_info[1] if record.exc_info else None
        inner = error.exceptions if isinstance(error, ExceptionGroup) else []
        logged.extend([record.getMessage(), *map(str, inner)])


if __name__ == "__main__":
    logging.getLogger("stripe_events").addHandler(Kept())
    logging.getLogger("django").setLevel("CRITICAL")
    connection.cursor().execute("CREATE TABLE IF NOT EXISTS credits (event TEXT)")
    if isinstance(store, PostgresStore):
        store.create_schema()
    headers = {"HTTP_STRIPE_SIGNATURE": SIGNATURE}
    for _ in range(2):
        Client().post(f"/{VIEW}", BODY, content_type="application/json", **headers)
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM credits")
    ((credited,),) = cursor.fetchall()
    (record,) = store.list("default") or [None]
    state = None if record is None else record.state
    found = {"outcomes": outcomes, "credits": credited, "state": state}
    sys.stdout.write(json.dumps(found | {"logged": logged}))
    router.close()
    store.close()
