"""What the demonstration sends, and what must become of it. Nothing is sent from here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from stripe_events._messages import MAX_BODY_BYTES, Outcome
from stripe_events.testing import sign

Json: TypeAlias = Mapping[str, Any]

_SOURCE = {"Content-Type": "application/json; charset=utf-8"}
_ANOTHER_SECRET = "whsec_of_another_endpoint"  # noqa: S105 - signs what must be refused
_AN_HOUR = 3600

KILLED = "none, killed"
"""The answer of a process that was killed before it could give any."""


class Result(NamedTuple):
    """
    What became of a delivery, as seen from outside the router.

    ``answer`` is the status and outcome in the HTTP answer, ``ran`` what handlers
    said, in order, and ``diagnosis`` what the operator is told of a failure.
    """

    answer: str
    ran: tuple[str, ...] = ()
    diagnosis: str = ""


How: TypeAlias = Literal["once", "twice at once", "to a process that is killed"]


class Delivery(NamedTuple):
    """
    One request; ``sent`` describes it to the reader of the table.

    ``how``: a second one may be on its way at the same time, or the server may be a process
    of its own that is killed while a handler runs.
    """

    sent: str
    body: bytes
    headers: Mapping[str, str]
    expected: Result
    method: str = "POST"
    how: How = "once"


def deliveries(secret: str) -> list[Delivery]:
    """Give all requests in order, signed now, for an endpoint whose secret this is."""
    return [
        *(_signed(secret, *row) for row in _HANDLED),
        *(_signed(secret, *row) for row in _NOT_HANDLED),
        *(_signed(secret, *row) for row in _RECORDED),
        *_rejected(secret),
    ]


def _event(type_: str, resource: Json, **more: Any) -> bytes:
    event = {
        "id": f"evt_{resource['id']}",
        "object": "event",
        "api_version": "2025-09-30.clover",
        "created": 1_760_000_000,
        "data": {"object": resource, **more},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type_,
    }
    return json.dumps(event, indent=2).encode()


def _thin_event(type_: str, related: Json) -> bytes:
    event = {
        "id": f"evt_{related['id']}",
        "object": "v2.core.event",
        "context": None,
        "created": "2025-10-09T08:53:20.000Z",
        "livemode": False,
        "reason": None,
        "related_object": related,
        "type": type_,
    }
    return json.dumps(event).encode()


def _signed(
    secret: str, sent: str, body: bytes, expected: Result, how: How = "once", *, age: int = 0
) -> Delivery:
    headers = sign(body, secret, timestamp=int(time.time()) - age)
    return Delivery(sent, body, _SOURCE | headers, expected, how=how)


def _answer(outcome: Outcome) -> str:
    return f"{outcome.status} {outcome}"


_CHARGE = _event(
    "charge.succeeded",
    {"id": "ch_1", "object": "charge", "amount": 2000, "currency": "eur"},
)
_INVOICE: Json = {"id": "in_1", "object": "invoice", "amount_paid": 4900, "currency": "usd"}
_PAID = _event("invoice.paid", _INVOICE)
_PAID_BEFORE_THE_CRASH = _event("invoice.paid", {**_INVOICE, "id": "in_2"})
_SUBSCRIPTION: Json = {"id": "sub_1", "object": "subscription", "status": "active"}
_STATUS_CHANGED = _event(
    "customer.subscription.updated",
    _SUBSCRIPTION,
    previous_attributes={"status": "trialing"},
)
_METADATA_CHANGED = _event(
    "customer.subscription.updated",
    {**_SUBSCRIPTION, "id": "sub_2"},
    previous_attributes={"metadata": {"seats": "3"}},
)
_PAYMENT = _event("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"})
_ORDER = _event("checkout.session.completed", {"id": "cs_1", "object": "checkout.session"})
_PAYOUT = _event("payout.failed", {"id": "po_1", "object": "payout"})
_PRODUCT = _event("product.created", {"id": "prod_1", "object": "product"})
_NEW_TYPE = _event("comet.sighted", {"id": "comet_1", "object": "comet"})
_ACCOUNT = _thin_event(
    "v2.core.account.created",
    {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
)

_OK = _answer(Outcome.HANDLED)
_IGNORED = Result(_answer(Outcome.IGNORED))

_HANDLED = (
    ("charge.succeeded", _CHARGE, Result(_OK, ("send_receipt: 2000 eur",))),
    ("invoice.paid", _PAID, Result(_OK, ("credit_account: 4900 usd, balance 4900",))),
    (
        "customer.subscription.updated (status)",
        _STATUS_CHANGED,
        Result(_OK, ("change_access: trialing -> active",)),
    ),
    ("payment_intent.succeeded (async)", _PAYMENT, Result(_OK, ("ship_order: pi_1",))),
    ("v2.core.account.created (thin)", _ACCOUNT, Result(_OK, ("greet_account: acct_1",))),
    ("comet.sighted (unknown type)", _NEW_TYPE, Result(_OK, ("look_closer: UnknownEvent",))),
)
_NOT_HANDLED = (
    ("customer.subscription.updated (other)", _METADATA_CHANGED, _IGNORED),
    ("product.created (no handler)", _PRODUCT, _IGNORED),
)
_RECORDED: tuple[tuple[str, bytes, Result, How], ...] = (
    ("invoice.paid (again)", _PAID, Result(_answer(Outcome.DUPLICATE)), "once"),
    (
        "checkout.session.completed (two at once)",
        _ORDER,
        Result(f"{_OK}, {_answer(Outcome.BUSY)}", ("fulfil_order: cs_1",)),
        "twice at once",
    ),
    (
        "payout.failed (a handler fails)",
        _PAYOUT,
        Result(
            _answer(Outcome.FAILED),
            ("call_bank: po_1", "tell_owner: po_1"),
            "ConnectionError: bank offline",
        ),
        "once",
    ),
    (
        "payout.failed (again, only that one runs)",
        _PAYOUT,
        Result(_OK, ("call_bank: po_1",)),
        "once",
    ),
    (
        "invoice.paid (killed before the commit)",
        _PAID_BEFORE_THE_CRASH,
        Result(KILLED, ("credit_account: 4900 usd, balance 9800",)),
        "to a process that is killed",
    ),
    (
        "invoice.paid (again, taken over)",
        _PAID_BEFORE_THE_CRASH,
        Result(_OK, ("credit_account: 4900 usd, balance 9800",)),
        "once",
    ),
)


def _rejected(secret: str) -> list[Delivery]:
    def refusal(outcome: Outcome, diagnosis: str = "") -> Result:
        return Result(_answer(outcome), (), diagnosis)

    malformed = refusal(Outcome.MALFORMED, "MalformedPayload")
    invalid = refusal(Outcome.SIGNATURE_INVALID, "wrong_secret")
    expired = refusal(Outcome.SIGNATURE_EXPIRED, "too_old")
    too_large = refusal(Outcome.TOO_LARGE, "PayloadTooLarge")
    return [
        _signed(_ANOTHER_SECRET, "signed with another secret", _CHARGE, invalid),
        _signed(secret, "signed an hour ago", _CHARGE, expired, age=_AN_HOUR),
        Delivery("no signature", _CHARGE, _SOURCE, refusal(Outcome.SIGNATURE_MISSING, "no_header")),
        _signed(secret, "signed, but no JSON", b"id=evt_1", malformed),
        _signed(secret, "a byte over the limit", b" " * (MAX_BODY_BYTES + 1), too_large),
        Delivery("GET", b"", {}, refusal(Outcome.METHOD_NOT_ALLOWED), method="GET"),
    ]
