"""
Receive Stripe's webhooks in a Django project, here in one file, under WSGI or ASGI.

    STRIPE_WEBHOOK_SECRET=whsec_... gunicorn --chdir examples django_app:application
    STRIPE_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples django_app:asgi

What was handled is kept in DATABASE, so that nothing is done twice.
"""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from stripe_events import EventRouter
from stripe_events.adapters.django import django_view, webhook_path
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

FILE = os.environ.get("DATABASE", "app.db")
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FILE,
            "ATOMIC_REQUESTS": True,
            "OPTIONS": {"transaction_mode": "IMMEDIATE"},  # else concurrent ones may fail
        }
    },
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    ROOT_URLCONF=__name__,
)
router = EventRouter(os.environ["STRIPE_WEBHOOK_SECRET"], store=SQLiteStore(FILE))


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    print("paid:", event.data.object.amount, event.data.object.currency, flush=True)


# /stripe and /stripe/; without a CSRF token, and outside of the request's transaction.
urlpatterns = [webhook_path("stripe", django_view(router), name="stripe")]
application = get_wsgi_application()
asgi = get_asgi_application()
