"""
How long a delivery takes, from the raw request to the handler's return.

Compared with what nobody can do without (``hmac`` and ``json.loads`` over the same
bytes) and with what stripe-python offers for the same job. Both sides get the same
request, and where fields are read it is the same function that reads them.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import stripe

from benchmarks import payloads
from benchmarks.figures import Figure
from benchmarks.rounds import Timing, compare
from stripe_events import EventRouter
from stripe_events.events import ChargeSucceeded, InvoicePaid
from stripe_events.notifications import V1ChargeSucceeded
from stripe_events.testing import sign

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["measure"]

_SECRET = "whsec_" + "benchmark" * 4


class _Request(NamedTuple):
    """A signed delivery with the headers that Stripe's have."""

    body: bytes
    signature: str
    headers: dict[str, str]


class _Case(NamedTuple):
    """Two sides and what is promised: a ratio of ours at most, or of theirs at least."""

    what: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    promise: Literal["at most", "at least"]
    target: float


def measure(rounds: int, indent: int | None) -> list[Figure]:
    """Measure all comparisons, each in so many rounds, with bodies indented by ``indent``."""
    return [_figure(case, compare(case.ours, case.theirs, rounds)) for case in _cases(indent)]


def _cases(indent: int | None) -> list[_Case]:
    charge = _request(payloads.charge(indent))
    invoice = _request(payloads.invoice(indent))
    thin = _request(payloads.notification(indent))
    charge_ours, invoice_ours = _ours(charge, _nothing), _ours(invoice, _nothing)
    return [
        _Case("charge / hmac + json", charge_ours, _bare(charge), "at most", 1.5),
        _Case("invoice / hmac + json", invoice_ours, _bare(invoice), "at most", 1.15),
        _Case(
            "charge, untouched, against SDK", charge_ours, _sdk(charge, _nothing), "at least", 15
        ),
        _Case(
            "invoice, untouched, against SDK", invoice_ours, _sdk(invoice, _nothing), "at least", 30
        ),
        _Case(
            "charge, five fields, against SDK",
            _ours(charge, _read_charge),
            _sdk(charge, _read_charge),
            "at least",
            10,
        ),
        _Case(
            "invoice, five fields, against SDK",
            _ours(invoice, _read_invoice),
            _sdk(invoice, _read_invoice),
            "at least",
            20,
        ),
        _Case("thin event, against SDK", _ours(thin, _nothing), _sdk_thin(thin), "at least", 1),
    ]


def _figure(case: _Case, timing: Timing) -> Figure:
    if case.promise == "at most":
        ratio, middle = timing.ratio, timing.median_ratio
        passed = ratio <= case.target
    else:
        ratio, middle = 1 / timing.ratio, 1 / timing.median_ratio
        passed = ratio >= case.target
    measured = (
        f"{ratio:.2f}x (median {middle:.2f}x)   {timing.ours_us:.1f} : {timing.theirs_us:.1f} us"
    )
    return Figure(case.what, f"{case.promise} {case.target:g}x", measured, passed)


def _request(body: bytes) -> _Request:
    signature = sign(body, _SECRET)["Stripe-Signature"]
    headers = {
        "Host": "example.com",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Content-Length": str(len(body)),
        "Accept": "*/*; q=0.5, application/xml",
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "Accept-Encoding": "gzip",
    }
    return _Request(body, signature, headers)


def _ours(request: _Request, handler: Callable[[Any], None]) -> Callable[[], object]:
    router = EventRouter(_SECRET)
    router.on(ChargeSucceeded, InvoicePaid)(handler)
    router.on(V1ChargeSucceeded, name="thin")(handler)
    assert router.handle(request.body, request.headers).outcome == "handled"
    return lambda: router.handle(request.body, request.headers)


def _bare(request: _Request) -> Callable[[], object]:
    key = _SECRET.encode()
    time, signature = (item.partition("=")[2] for item in request.signature.split(","))
    signed_at = time.encode()

    def verify_and_parse() -> None:
        expected = hmac.new(key, b"%b.%b" % (signed_at, request.body), "sha256").hexdigest()
        assert hmac.compare_digest(expected, signature)
        json.loads(request.body)

    return verify_and_parse


def _sdk(request: _Request, handler: Callable[[Any], None]) -> Callable[[], object]:
    handlers = {"charge.succeeded": handler, "invoice.paid": handler}

    def construct_and_dispatch() -> None:
        event = stripe.Webhook.construct_event(request.body, request.signature, _SECRET)
        handlers[event.type](event)

    return construct_and_dispatch


def _sdk_thin(request: _Request) -> Callable[[], object]:
    def fail(notification: Any, *_: Any) -> None:
        raise AssertionError(f"the SDK does not know {notification.type}")

    notifications = stripe.StripeClient("sk_test_benchmark").notification_handler(_SECRET, fail)
    notifications.on_v1_charge_succeeded(lambda *_: None)
    return lambda: notifications.handle(request.body, request.signature)


def _nothing(event: Any) -> None:
    """Take the event and leave it alone."""


def _read_charge(event: Any) -> None:
    charge = event.data.object
    read = (
        charge.id,
        charge.amount,
        charge.currency,
        charge.billing_details.email,
        charge.outcome.risk_level,
    )
    assert None not in read


def _read_invoice(event: Any) -> None:
    invoice = event.data.object
    read = (
        invoice.id,
        invoice.total,
        invoice.customer,
        invoice.status_transitions.paid_at,
        invoice.lines.total_count,
    )
    assert None not in read
