"""
Answer Stripe as soon as an event is recorded, and let Celery run the handlers.

    STRIPE_WEBHOOK_SECRET=whsec_... python examples/celery_app.py
    STRIPE_WEBHOOK_SECRET=whsec_... celery --workdir examples -A celery_app worker --beat

The broker may lose a job, or bring it twice: what is left to run is told by the ledger, which on
several machines is a ``PostgresStore``. `rescue` runs what no job has come for.
"""

import os
from wsgiref.simple_server import make_server

from celery import Celery

from stripe_events import EventRouter
from stripe_events.adapters.wsgi import wsgi_app
from stripe_events.events import ChargeSucceeded
from stripe_events.storage import SQLiteStore

celery = Celery("celery_app", broker=os.environ.get("BROKER", "redis://"))
celery.conf.broker_transport_options = {"max_retries": 1, "interval_start": 0, "socket_timeout": 2}
celery.conf.beat_schedule = {"rescue": {"task": "celery_app.rescue", "schedule": 60.0}}
router = EventRouter(
    os.environ["STRIPE_WEBHOOK_SECRET"],
    store=SQLiteStore(os.environ.get("DATABASE", "app.db")),
    delivery="inbox",
    # With the options above, Stripe does not wait for a broker that is away; `rescue` is there.
    dispatch=lambda event_id: handle_event.apply_async([event_id], retry=False),
    dispatch_grace=float(os.environ.get("DISPATCH_GRACE", "60")),
)


@router.on(ChargeSucceeded, name="send_receipt")
def send_receipt(event: ChargeSucceeded) -> None:
    """Print what a receipt would say."""
    paid = event.data.object
    print(f"paid: {paid.amount} {paid.currency}")


@celery.task(acks_late=True, ignore_result=True, autoretry_for=(Exception,), retry_backoff=True)
def handle_event(event_id: str) -> None:
    """Run what is left of an event; again if it fails, or is `Busy`. Then `rescue` goes on."""
    router.run(event_id)


@celery.task(ignore_result=True)
def rescue() -> None:
    """Run what is due: jobs that were lost, and what failed."""
    router.rescue()


application = wsgi_app(router, path="/stripe")

if __name__ == "__main__":
    with make_server("127.0.0.1", int(os.environ.get("PORT", "8000")), application) as it:
        print(f"http://127.0.0.1:{it.server_port}/stripe", flush=True)
        it.serve_forever()
