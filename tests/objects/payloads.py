"""Resources as Stripe sends them, made up in code; every call gives a new copy."""

from __future__ import annotations

from typing import Any

__all__ = ["RESOURCES", "THIN_EVENT", "charge", "invoice", "subscription", "thin_event"]


def charge() -> dict[str, Any]:
    """Give a charge of about 3.7 kB with refunds, metadata and a payment method."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 2000,
        "amount_captured": 2000,
        "amount_refunded": 500,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": "txn_1",
        "billing_details": {
            "address": {
                "city": None,
                "country": "DE",
                "line1": "",
                "line2": None,
                "postal_code": "10115",
                "state": None,
            },
            "email": "ada@example.com",
            "name": "Ada Example",
            "phone": None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": "EXAMPLE",
        "captured": True,
        "created": 1_700_000_000,
        "currency": "eur",
        "customer": "cus_1",
        "description": "Subscription creation",
        "destination": None,
        "dispute": None,
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {"items": "3", "get": "it", "keys": "", "order": "6735", "to_dict": "x"},
        "on_behalf_of": None,
        "order": None,
        "outcome": {
            "advice_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 32,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "payment_method_details": {
            "card": {
                "amount_authorized": 2000,
                "brand": "visa",
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": "pass",
                    "cvc_check": "pass",
                },
                "country": "US",
                "exp_month": 12,
                "exp_year": 2034,
                "extended_authorization": {"status": "disabled"},
                "fingerprint": "Xt5EWLLDS7FJjR1c",
                "funding": "credit",
                "incremental_authorization": {"status": "unavailable"},
                "installments": None,
                "last4": "4242",
                "mandate": None,
                "multicapture": {"status": "unavailable"},
                "network": "visa",
                "network_token": {"used": False},
                "overcapture": {"maximum_amount_capturable": 2000, "status": "unavailable"},
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": "https://pay.stripe.com/receipts/payment/" + "x" * 90,
        "refunded": False,
        "refunds": {
            "object": "list",
            "data": [
                {
                    "id": "re_1",
                    "object": "refund",
                    "amount": 500,
                    "charge": "ch_1",
                    "created": 1_700_000_100,
                    "currency": "eur",
                    "destination_details": {
                        "card": {"reference": "7904", "reference_status": "available"},
                        "type": "card",
                    },
                    "metadata": {},
                    "reason": None,
                    "status": "succeeded",
                }
            ],
            "has_more": False,
            "total_count": 1,
            "url": "/v1/charges/ch_1/refunds",
        },
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
    }


def _line(number: int) -> dict[str, Any]:
    return {
        "id": f"il_{number}",
        "object": "line_item",
        "amount": 100 + number,
        "currency": "usd",
        "description": f"{number} x Widget (at $1.00 / month)",
        "discount_amounts": [],
        "discountable": True,
        "livemode": False,
        "metadata": {"position": str(number)},
        "period": {"end": 1_702_592_000, "start": 1_700_000_000},
        "pricing": {
            "price_details": {"price": "price_1", "product": "prod_1"},
            "type": "price_details",
            "unit_amount_decimal": "100",
        },
        "quantity": 1,
        "quantity_decimal": "1.5",
        "taxes": [],
    }


def invoice(lines: int = 100) -> dict[str, Any]:
    """Give an invoice; with 100 lines it is about 45 kB."""
    return {
        "id": "in_1",
        "object": "invoice",
        "account_name": "Example",
        "amount_due": 15_050,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "created": 1_700_000_000,
        "currency": "usd",
        "customer": "cus_1",
        "customer_address": None,
        "default_payment_method": None,
        "lines": {
            "object": "list",
            "data": [_line(number) for number in range(lines)],
            "has_more": False,
            "total_count": lines,
            "url": "/v1/invoices/in_1/lines",
        },
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {"object": "x"}, "subscription": "sub_1"},
            "type": "subscription_details",
        },
        "payment_settings": {"default_mandate": None, "payment_method_types": ["card", "link"]},
        "status": "paid",
        "status_transitions": {"finalized_at": 1_700_000_000, "paid_at": None},
        "total": 15_050,
    }


def subscription() -> dict[str, Any]:
    """Give a subscription, whose ``items`` is also the name of a method of dicts."""
    plan = {"id": "plan_1", "object": "plan", "amount": 12, "amount_decimal": "12.5", "tiers": None}
    return {
        "id": "sub_1",
        "object": "subscription",
        "items": {
            "object": "list",
            "data": [
                {
                    "id": "si_1",
                    "object": "subscription_item",
                    "plan": plan,
                    "price": {
                        "id": "price_1",
                        "object": "price",
                        "recurring": {"interval": "month", "interval_count": 1},
                        "unit_amount_decimal": "1250.0000000001",
                    },
                    "quantity": 2,
                }
            ],
            "has_more": False,
            "url": "/v1/subscription_items?subscription=sub_1",
        },
        "metadata": {},
        "plan": plan,
        "status": "active",
    }


def balance() -> dict[str, Any]:
    """Give a balance, which has no ``id``."""
    return {
        "object": "balance",
        "available": [{"amount": 0, "currency": "eur", "source_types": {"card": 0}}],
        "livemode": False,
        "pending": [{"amount": -1_234, "currency": "eur"}, {"amount": 5, "currency": "usd"}],
    }


def promotion_code() -> dict[str, Any]:
    """Give a promotion code: its ``currency_options`` map to objects without a name."""
    return {
        "id": "promo_1",
        "object": "promotion_code",
        "restrictions": {
            "currency_options": {"eur": {"minimum_amount": 100}, "usd": None},
            "first_time_transaction": False,
        },
    }


def odd_shapes() -> dict[str, Any]:
    """Give an object that holds what a parser should not be surprised by."""
    return {
        "id": "",
        "object": None,
        "nothing": None,
        "empty_text": "",
        "empty_list": [],
        "nested": [[1, [2, [{"a": [{}]}]], "x"], [], [None, 1.5, True]],
        "odd": {"": "", "0": 0, "_private": 1, "api_key": "k", "get": {"object": 5}, "data": []},
        "page": {"data": [{"id": "x"}], "next_page_url": "/v2/x", "previous_page_url": None},
        "typed": {"object": "v2.core.event", "type": "v1.billing.meter.no_meter_found"},
        "big": 10**30,
        "list": {"object": "list", "data": [{"object": "unheard_of"}], "url": None},
        "search": {"object": "search_result", "data": [], "next_page": None},
        "text": "snowman \u2603, lone \ud800",
    }


RESOURCES: dict[str, Any] = {
    "charge": charge,
    "invoice of 100 lines": invoice,
    "subscription": subscription,
    "customer": lambda: {
        "id": "cus_1",
        "object": "customer",
        "address": {"city": "Berlin"},
        "invoice_settings": {"custom_fields": [{"name": "VAT", "value": "1"}], "footer": None},
        "preferred_locales": ["de", "en"],
        "sources": {"object": "list", "data": [{"id": "card_1", "object": "card"}]},
    },
    "deleted customer": lambda: {"id": "cus_1", "object": "customer", "deleted": True},
    "balance": balance,
    "promotion code": promotion_code,
    "decimals in an issuing authorization": lambda: {
        "id": "iauth_1",
        "object": "issuing.authorization",
        "fleet": {"reported_breakdown": {"fuel": {"gross_amount_decimal": "10.25"}}},
        "fuel": {"quantity_decimal": "1.5", "unit_cost_decimal": None, "type": "diesel"},
    },
    "v2 account": lambda: {
        "id": "acct_1",
        "object": "v2.core.account",
        "identity": {"relationship": {"percent_ownership": "12.5"}},
    },
    "no object": lambda: {"id": "x_1", "status": "new", "nested": {"a": {"b": 1}}},
    "unknown object": lambda: {"id": "x_1", "object": "unheard_of", "nested": {"a": [{}]}},
    "object of another type": lambda: {"object": 5, "nested": {"object": ["charge"]}},
    "page of unnamed objects": lambda: {"data": [{"id": "x"}], "next_page_url": None},
    "empty": dict,
    "odd shapes": odd_shapes,
}
"""A maker for each kind of resource, by a name for the reports."""

THIN_EVENT = "v1.billing.meter.error_report_triggered"


def thin_event(**changes: Any) -> dict[str, Any]:
    """Give a thin event about a billing meter, of account ``acct_1``."""
    return {
        "id": "evt_test_1",
        "object": "v2.core.event",
        "type": THIN_EVENT,
        "created": "2025-10-04T15:13:32.232083866Z",
        "livemode": False,
        "context": "acct_1",
        "reason": None,
        "related_object": {
            "id": "mtr_1",
            "type": "billing.meter",
            "url": "/v1/billing/meters/mtr_1",
        },
        **changes,
    }
