"""The endpoints of the fake Stripe. Importing this package registers them all."""

from dunwell.sandbox.stripe.endpoints import (
    catalog,
    customers,
    events,
    invoices,
    payment_methods,
    payments,
    portal,
    subscriptions,
)

__all__ = [
    "catalog",
    "customers",
    "events",
    "invoices",
    "payment_methods",
    "payments",
    "portal",
    "subscriptions",
]
