"""Whether an API key can do what Dunwell needs, for `dunwell doctor`. Reads only."""

from dataclasses import dataclass

import stripe

from dunwell.connectors.stripe.wire import Json, Wire
from dunwell.policy.facts import Unreadable

# What is read, and how: with the same expansions as the real calls, because they need permissions too.
_READS: tuple[tuple[str, str, Json], ...] = (
    ("events", "/v1/events", {}),
    ("customers", "/v1/customers", {}),
    ("invoices", "/v1/invoices", {"expand": ["data.default_payment_method"]}),
    (
        "payments of invoices",
        "/v1/invoice_payments",
        {"expand": ["data.payment.payment_intent.latest_charge"]},
    ),
    ("chargebacks", "/v1/disputes", {}),
)


@dataclass(frozen=True, slots=True)
class KeyRead:
    """One thing that has to be readable; `said` is why it is not."""

    name: str
    works: bool
    said: str = ""


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What a key can do. `account` is empty when the key may not say whose it is; `livemode` None if unknown.

    `reached` is False when nothing answered at Stripe's address; nothing was read then.
    """

    account: str
    livemode: bool | None
    works: bool
    reads: tuple[KeyRead, ...]
    reached: bool = True


def check_key(wire: Wire, api_key: str) -> KeyCheck:
    """Ask Stripe whose key this is, and try each read once."""
    try:
        account = str(wire.get("/v1/account").get("id", ""))
    except stripe.APIConnectionError:
        return KeyCheck(account="", livemode=_livemode(api_key), works=False, reads=(), reached=False)
    except stripe.StripeError:
        account = ""
    reads = tuple(_try(wire, name, path, params) for name, path, params in _READS)
    return KeyCheck(
        account=account,
        livemode=_livemode(api_key),
        works=all(read.works for read in reads),
        reads=reads,
    )


def _try(wire: Wire, name: str, path: str, params: Json) -> KeyRead:
    answer = wire.ask(name, path, limit=1, **params)
    return (
        KeyRead(name, works=False, said=answer.reason)
        if isinstance(answer, Unreadable)
        else KeyRead(name, works=True)
    )


def _livemode(api_key: str) -> bool | None:
    mode = api_key.split("_")[1:2]
    return {"live": True, "test": False}.get(mode[0]) if mode else None
