"""
Request bodies as Stripe sends them, built the same way every time.

Sizes are part of what is measured, so they are checked here. They are those of
JSON without whitespace; pretty-printed, as Stripe sends it, the same events are
half as long again (``indent=2``).
"""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["charge", "invoice", "notification"]

_CHARGE_BYTES: Final = 3_700
_INVOICE_BYTES: Final = 37_000
_NOTIFICATION_BYTES: Final = 416
_LINES: Final = 100
_CREATED: Final = 1_760_000_000
_MONTH: Final = 30 * 86_400


def charge(indent: int | None = None) -> bytes:
    """Give a ``charge.succeeded`` event, paid by card: 3.7 kB."""
    return _body(_snapshot("charge.succeeded", _CHARGE), indent, _CHARGE_BYTES)


def invoice(indent: int | None = None) -> bytes:
    """Give an ``invoice.paid`` event with 100 lines: 37 kB."""
    lines = [_line(number) for number in range(_LINES)]
    total = sum(line["amount"] for line in lines)
    amounts = dict.fromkeys(("amount_due", "amount_paid", "subtotal", "total"), total)
    listed = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "total_count": _LINES,
        "url": f"/v1/invoices/{_INVOICE['id']}/lines",
    }
    event = _snapshot("invoice.paid", {**_INVOICE, **amounts, "lines": listed})
    return _body(event, indent, _INVOICE_BYTES)


def notification(indent: int | None = None) -> bytes:
    """Give a thin ``v1.charge.succeeded`` event that an API request caused."""
    return _body(_NOTIFICATION, indent, _NOTIFICATION_BYTES)


def _body(event: dict[str, Any], indent: int | None, expected: int) -> bytes:
    compact = json.dumps(event, separators=(",", ":")).encode()
    assert abs(len(compact) - expected) <= expected / 100, f"{len(compact)} bytes, not {expected}"
    return compact if indent is None else json.dumps(event, indent=indent).encode()


def _id(prefix: str, number: int = 0) -> str:
    return f"{prefix}_1TestBench{number:014}"


def _uuid(number: int) -> str:
    return f"6f1c2a90-5b3e-4d87-9c10-{number:012}"


def _snapshot(type_: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": _id("evt"),
        "object": "event",
        "api_version": "2025-04-30.basil",
        "created": _CREATED,
        "data": {"object": resource},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_aB3cD4eF5gH6iJ", "idempotency_key": _uuid(1)},
        "type": type_,
    }


def _line(number: int) -> dict[str, Any]:
    return {
        "id": _id("il", number),
        "object": "line_item",
        "amount": 500 + number,
        "currency": "eur",
        "description": f"Seat {number + 1:03}, monthly",
        "discountable": True,
        "livemode": False,
        "metadata": {"seat": f"{number + 1:03}"},
        "period": {"end": _CREATED, "start": _CREATED - _MONTH},
        "pricing": {"price_details": {"price": _id("price")}, "type": "price_details"},
        "quantity": 1,
        "taxes": [],
    }


_ADDRESS: Final = {
    "city": "Berlin",
    "country": "DE",
    "line1": "Beispielstrasse 12",
    "line2": None,
    "postal_code": "10115",
    "state": "BE",
}

_CARD: Final[dict[str, Any]] = {
    "amount_authorized": 12_900,
    "authorization_code": "518273",
    "brand": "visa",
    "checks": {
        "address_line1_check": "pass",
        "address_postal_code_check": "pass",
        "cvc_check": "pass",
    },
    "country": "DE",
    "exp_month": 8,
    "exp_year": 2031,
    "extended_authorization": {"status": "disabled"},
    "fingerprint": "mK3vT9pQ2xL7wZ1c",
    "funding": "credit",
    "incremental_authorization": {"status": "unavailable"},
    "installments": None,
    "last4": "4242",
    "mandate": None,
    "multicapture": {"status": "unavailable"},
    "network": "visa",
    "network_token": {"used": True},
    "network_transaction_id": "104102978678771",
    "overcapture": {"maximum_amount_capturable": 12_900, "status": "unavailable"},
    "regulated_status": "unregulated",
    "three_d_secure": {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": _uuid(4),
        "version": "2.2.0",
    },
    "wallet": None,
}

_CHARGE: Final[dict[str, Any]] = {
    "id": _id("ch"),
    "object": "charge",
    "amount": 12_900,
    "amount_captured": 12_900,
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": _id("txn"),
    "billing_details": {
        "address": _ADDRESS,
        "email": "ada@example.com",
        "name": "Ada Example",
        "phone": "+49301234567",
        "tax_id": None,
    },
    "calculated_statement_descriptor": "EXAMPLE BOOKS",
    "captured": True,
    "created": _CREATED,
    "currency": "eur",
    "customer": _id("cus"),
    "description": "Order 1042: three books and a lamp",
    "destination": None,
    "dispute": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "invoice": None,
    "livemode": False,
    "metadata": {
        "basket": _uuid(2),
        "channel": "web",
        "clerk": "",
        "delivery": "by bicycle, before noon",
        "note": "Second floor; the bell is out of order, please knock at the door or call",
        "order": "1042",
        "visit": _uuid(3),
        "warehouse": "berlin-2",
    },
    "on_behalf_of": None,
    "order": None,
    "outcome": {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 14,
        "seller_message": "Payment complete.",
        "type": "authorized",
    },
    "paid": True,
    "payment_intent": _id("pi"),
    "payment_method": _id("pm"),
    "payment_method_details": {"card": _CARD, "type": "card"},
    "presentment_details": None,
    "radar_options": {},
    "receipt_email": "ada@example.com",
    "receipt_number": "1042-7731",
    "receipt_url": "https://pay.stripe.com/receipts/payment/" + "CAcaFwoVYWNjdF8x" * 10,
    "refunded": False,
    "refunds": {
        "object": "list",
        "data": [],
        "has_more": False,
        "total_count": 0,
        "url": f"/v1/charges/{_id('ch')}/refunds",
    },
    "review": None,
    "shipping": {
        "address": _ADDRESS,
        "carrier": "DHL",
        "name": "Ada Example",
        "phone": "+49301234567",
        "tracking_number": "00340434161094042557",
    },
    "source": None,
    "source_transfer": None,
    "statement_descriptor": "EXAMPLE BOOKS",
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": {"amount": None, "destination": _id("acct")},
    "transfer_group": "order_1042",
}

_INVOICE: Final[dict[str, Any]] = {
    "id": _id("in"),
    "object": "invoice",
    "account_country": "DE",
    "account_name": "Example Books",
    "amount_remaining": 0,
    "attempt_count": 1,
    "attempted": True,
    "auto_advance": False,
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_reason": "subscription_cycle",
    "collection_method": "charge_automatically",
    "created": _CREATED,
    "currency": "eur",
    "customer": _id("cus"),
    "customer_address": _ADDRESS,
    "customer_email": "ada@example.com",
    "customer_name": "Ada Example",
    "default_tax_rates": [],
    "discounts": [],
    "due_date": None,
    "ending_balance": 0,
    "hosted_invoice_url": "https://invoice.stripe.com/i/" + "YWNjdF8xVGVzdA" * 6,
    "invoice_pdf": "https://pay.stripe.com/invoice/" + "YWNjdF8xVGVzdA" * 6 + "/pdf",
    "issuer": {"type": "self"},
    "livemode": False,
    "metadata": {"contract": "2044", "region": "eu-central"},
    "number": "EXAMPLE-0042",
    "parent": {
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": _id("sub")},
        "type": "subscription_details",
    },
    "period_end": _CREATED,
    "period_start": _CREATED - _MONTH,
    "starting_balance": 0,
    "status": "paid",
    "status_transitions": {
        "finalized_at": _CREATED,
        "marked_uncollectible_at": None,
        "paid_at": _CREATED + 60,
        "voided_at": None,
    },
    "total_taxes": [],
    "webhooks_delivered_at": _CREATED,
}

_NOTIFICATION: Final[dict[str, Any]] = {
    "id": "evt_test_65TestBench0000000000000000",
    "object": "v2.core.event",
    "type": "v1.charge.succeeded",
    "livemode": False,
    "created": "2025-10-09T08:53:20.232083866Z",
    "context": None,
    "related_object": {
        "id": _id("ch"),
        "type": "charge",
        "url": f"/v1/charges/{_id('ch')}",
    },
    "reason": {
        "type": "request",
        "request": {"id": "req_v2aB3cD4eF5gH6i", "idempotency_key": _uuid(5)},
    },
}
