"""
A Django project with dj-stripe and nothing else, in a process that obeys lines of stdin.

It runs in dj-stripe's environment, where nothing of ours is installed. Its webhook view
stores the request, verifies the signature, calls ``DJSTRIPE_WEBHOOK_EVENT_CALLBACK``, which
does nothing here, and updates the stored row: two commits per event. Without that
callback it would go on to the objects in the event, and fetch what they refer to from
Stripe; so nothing is fetched, and nothing needs to be avoided.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks import payloads
from benchmarks.ledger_deliveries import SECRET, Deliveries
from benchmarks.ledger_rounds import delivering

if TYPE_CHECKING:
    from collections.abc import Callable

urlpatterns: list[Any] = []
"""Filled in by ``_start``, for dj-stripe's own can be imported only then."""


def main(database: str) -> None:
    """Do what each line of stdin asks for, and answer each with a line of JSON."""
    tasks: dict[str, Callable[[int], object]] = _start(database)
    for line in sys.stdin:
        task, number = line.split()
        print(json.dumps(tasks[task](int(number))), flush=True)


def _start(database: str) -> dict[str, Callable[[int], object]]:
    _configure(database)
    from django.core.management import call_command
    from django.test import Client
    from django.urls import include, path
    from djstripe.models import WebhookEndpoint

    call_command("migrate", run_syncdb=True, verbosity=0)
    endpoint = WebhookEndpoint.objects.create(
        id="we_1Benchmark",
        livemode=False,
        secret=SECRET,
        enabled_events=["*"],
        status="enabled",
        url="https://example.com/stripe/",
    )
    urlpatterns.append(path("stripe/", include("djstripe.urls", namespace="djstripe")))
    urlpatterns.append(path("nothing/", csrf_exempt(_nothing)))
    client, deliveries = Client(), Deliveries(payloads.charge())
    webhook = partial(_post, client, f"/stripe/webhook/{endpoint.djstripe_uuid}/")
    nothing = partial(_post, client, "/nothing/")
    return {
        "start": lambda _: _versions(),
        "webhook": lambda number: delivering(webhook, deliveries, number)(),
        "nothing": lambda number: delivering(nothing, Deliveries(payloads.charge()), number)(),
        "check": lambda _: _check(deliveries.made),
    }


def _configure(database: str) -> None:
    sqlite = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": database,
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"},
    }
    settings.configure(
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": sqlite},
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        DJSTRIPE_WEBHOOK_EVENT_CALLBACK=lambda trigger, api_key: None,  # noqa: ARG005 - its names
        # Tables as the models have them, without half a minute of migrations.
        MIGRATION_MODULES={"djstripe": None},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "djstripe"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="benchmark",
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY="sk_test_benchmark",
        USE_TZ=True,
    )
    django.setup()


def _post(client: Any, url: str, body: bytes, signature: str) -> None:
    headers = {"Stripe-Signature": signature}
    response = client.post(url, body, content_type="application/json", headers=headers)
    assert response.status_code == 200, response.content  # noqa: PLR2004


def _nothing(_: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _check(sent: int) -> int:
    """Give how many events were recorded as verified; fail if that is not all of them."""
    from django.db import connection
    from djstripe.models import WebhookEventTrigger

    with connection.cursor() as cursor:
        modes = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in _MODES]
    assert modes == ["wal", 1], modes
    valid: int = WebhookEventTrigger.objects.filter(valid=True, exception="").count()
    assert valid == sent, (valid, sent)
    return valid


_MODES = ("journal_mode", "synchronous")


def _versions() -> str:
    from importlib.metadata import version

    return (
        f"dj-stripe {version('dj-stripe')}, Django {version('django')}, "
        f"stripe {version('stripe')}, SQLite {sqlite3.sqlite_version}"
    )


if __name__ == "__main__":
    main(sys.argv[1])
