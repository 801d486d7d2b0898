"""The sandbox's bookkeeper: what customers pay at Stripe is entered in NetSuite, at once or the next night."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from dunwell.policy.money import Money
from dunwell.sandbox.netsuite import Company
from dunwell.sandbox.stripe import Account

_NIGHT = time(2, tzinfo=UTC)


@dataclass(slots=True)
class _Watched:
    """One invoice in both books; `due` is when a payment that was noticed is entered."""

    at_stripe: str
    in_netsuite: str
    nightly: bool
    entered: int = 0
    due: datetime | None = None
    done: bool = False


class Bookkeeper:
    """Carries payments over from one set of books to the other; in between, the two disagree."""

    def __init__(self, account: Account, company: Company) -> None:
        self._account = account
        self._company = company
        self._watched: list[_Watched] = []

    def watch(self, at_stripe: str, in_netsuite: str, *, nightly: bool) -> None:
        """Follow an invoice; `nightly`: what is paid is entered at two o'clock (UTC), not at once."""
        self._watched.append(_Watched(at_stripe, in_netsuite, nightly))

    def next_due(self) -> datetime | None:
        """Say when a payment is to be entered; None when everything is."""
        return min((each.due for each in self._watched if each.due is not None), default=None)

    def look(self, now: datetime) -> None:
        """Notice what was paid, and enter what is due."""
        for each in self._watched:
            invoice = self._account.get(each.at_stripe)
            missing = invoice["amount_paid"] - each.entered
            if missing > 0 and each.due is None:
                each.due = _next_night(now) if each.nightly else now
            if each.due is not None and each.due <= now:
                amount = Money(missing, str(invoice["currency"]).upper()).decimal
                self._company.pay(each.in_netsuite, str(amount))
                each.entered, each.due = invoice["amount_paid"], None
                each.done = invoice["status"] == "paid"
        self._watched = [each for each in self._watched if not each.done]


def _next_night(now: datetime) -> datetime:
    night = datetime.combine(now.astimezone(UTC).date(), _NIGHT)
    return night if night > now else night + timedelta(days=1)
