"""
How long a delivery takes, from the raw request to the handler's return.

Compared with what nobody can do without (``hmac`` and ``json.loads`` over the same
bytes), where ours finds the signature among the headers that Stripe sends; and with
what stripe-python offers for the same job, where both sides are given the signature,
as the SDK asks for it. Where fields are read, the same function reads them for both.
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
    return [
        _against_bare("charge / hmac + json", charge, 1.5),
        _against_bare("invoice / hmac + json", invoice, 1.15),
        _against_sdk("SDK / charge, untouched", charge, _nothing, 15),
        _against_sdk("SDK / invoice, untouched", invoice, _nothing, 30),
        _against_sdk("SDK / charge, five fields", charge, _read_charge, 10),
        _against_sdk("SDK / invoice, five fields", invoice, _read_invoice, 20),
        _Case(
            "SDK / thin event",
            _ours(thin.body, thin.signature, _nothing),
            _sdk_thin(thin),
            "at least",
            1,
        ),
    ]


def _against_bare(what: str, request: _Request, target: float) -> _Case:
    ours = _ours(request.body, request.headers, _nothing)
    return _Case(what, ours, _bare(request), "at most", target)


def _against_sdk(
    what: str, request: _Request, handler: Callable[[Any], None], target: float
) -> _Case:
    ours = _ours(request.body, request.signature, handler)
    return _Case(what, ours, _sdk(request, handler), "at least", target)


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


def _ours(
    body: bytes, headers: dict[str, str] | str, handler: Callable[[Any], None]
) -> Callable[[], object]:
    router = EventRouter(_SECRET)
    router.on(ChargeSucceeded, InvoicePaid)(handler)
    router.on(V1ChargeSucceeded, name="thin")(handler)
    assert router.handle(body, headers).outcome == "handled"
    return lambda: router.handle(body, headers)


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
