"""Builders of invoices and what hangs on them; see `objects` for the conventions."""

from typing import Any

from dunwell.sandbox.stripe.catalog import empty_list
from dunwell.sandbox.stripe.errors import Json

# What a fresh invoice has at null and at zero.
_NULL = (
    "account_tax_ids", "application", "automatically_finalizes_at", "custom_fields",
    "customer_shipping", "default_payment_method", "default_source", "description", "due_date",
    "effective_at", "ending_balance", "footer", "from_invoice", "hosted_invoice_url", "invoice_pdf",
    "last_finalization_error", "latest_revision", "next_payment_attempt", "number", "on_behalf_of",
    "parent", "receipt_number", "rendering", "shipping_cost", "shipping_details",
    "statement_descriptor", "test_clock", "webhooks_delivered_at",
)  # fmt: skip
_ZERO = (
    "amount_due", "amount_overpaid", "amount_paid", "amount_paid_off_stripe", "amount_remaining",
    "amount_shipping", "attempt_count", "post_payment_credit_notes_amount",
    "pre_payment_credit_notes_amount", "starting_balance", "subtotal", "subtotal_excluding_tax",
    "total", "total_excluding_tax",
)  # fmt: skip


def invoice(id_: str, created: int, customer_: Json, currency: str, **fields: Any) -> Json:
    """Build a draft invoice without lines."""
    return {
        "id": id_,
        "object": "invoice",
        **dict.fromkeys(_NULL),
        **dict.fromkeys(_ZERO, 0),
        "account_country": "US",
        "account_name": "Sandbox",
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": customer_["id"],
        "customer_address": customer_["address"],
        "customer_email": customer_["email"],
        "customer_name": customer_["name"],
        "customer_phone": customer_["phone"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": empty_list(f"/v1/invoices/{id_}/lines"),
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": created,
        "period_start": created,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        **fields,
    }


def line(id_: str, invoice_: Json, amount: int, description: str, period: tuple[int, int]) -> Json:
    """Build a one-off line; `recurring` turns it into a subscription's."""
    return {
        "id": id_,
        "object": "line_item",
        "amount": amount,
        "currency": invoice_["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_["id"],
        "livemode": False,
        "metadata": {},
        "parent": {
            "invoice_item_details": {
                "invoice_item": id_.replace("il_", "ii_"),
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": None,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": None,
        "quantity": 1,
        "subtotal": amount,
        "taxes": [],
    }


def recurring(line_: Json, item: Json) -> Json:
    """Turn a line into one that a subscription item made."""
    price_ = item["price"]
    return {
        **line_,
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "pricing": {
            "price_details": {"price": price_["id"], "product": price_["product"]},
            "type": "price_details",
            "unit_amount_decimal": price_["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
    }


def subscription_parent(subscription_id: str) -> Json:
    """Build the `parent` of an invoice made by a subscription."""
    return {
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": subscription_id},
        "type": "subscription_details",
    }


def invoice_payment(id_: str, created: int, invoice_: Json, payment: Json) -> Json:
    """Build an open invoice payment for what the invoice still owes."""
    return {
        "id": id_,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice_["amount_remaining"],
        "created": created,
        "currency": invoice_["currency"],
        "invoice": invoice_["id"],
        "is_default": False,
        "livemode": False,
        "payment": payment,
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
    "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
    "refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date",
    "service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
    "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def dispute(id_: str, created: int, charge: Json, reason: str) -> Json:
    """Build a dispute over the whole of a charge that waits for our answer."""
    built: Json = {
        "id": id_,
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": created + 7 * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }
    instrument = charge["payment_method_details"]
    if instrument["type"] == "card":
        brand = instrument["card"]["brand"]
        card = {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": "10.4"}
        built["payment_method_details"] = {"card": card, "type": "card"}
    return built


def portal_session(id_: str, created: int, customer_id: str, url: str, **fields: Any) -> Json:
    """Build a customer-portal session."""
    return {
        "id": id_,
        "object": "billing_portal.session",
        "configuration": "bpc_1Sbx00000001",
        "created": created,
        "customer": customer_id,
        "flow": None,
        "livemode": False,
        "locale": None,
        "on_behalf_of": None,
        "return_url": None,
        "url": url,
        **fields,
    }
