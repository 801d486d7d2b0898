from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dunwell.policy.facts import (
    Case,
    Collection,
    Contact,
    Invoice,
    InvoiceReading,
    LedgerFacts,
    Reason,
    Unreadable,
)
from dunwell.policy.gate import Verdict, VerdictKind, check_charge_gate, check_gate, check_letter_gate
from dunwell.policy.ledger import Standing, Unapplied, UnappliedKind, UnappliedReading
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.signing import Says
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    Ending,
    HoldKind,
    InvoiceStatus,
    LetterState,
    MessageState,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import (
    FAILED,
    GATHERED,
    OURS,
    case,
    customer,
    days,
    hold,
    invoice,
    letter,
    personal,
    sent,
    tried,
    utc,
)

POLICY = default_policy()
NOW = utc("2026-04-10 13:00")  # Friday, 09:00 in New York
FULL = Money(120_000, "USD")
NOTICE = sent(Stage.NOTICE, utc("2026-04-07 14:05"))
CLAIMED = sent(Stage.REMINDER, NOW, MessageState.CLAIMED)
DUE = case(messages=(NOTICE, CLAIMED))


def read(about: Invoice | None = None, age: float = 1) -> InvoiceReading:
    return InvoiceReading(NOW - timedelta(seconds=age), about or invoice())


def judged(
    reading: InvoiceReading | Unreadable | None = None,
    of: Case = DUE,
    stage: Stage = Stage.REMINDER,
    now: datetime = NOW,
    due_since: datetime = NOW,
) -> Verdict:
    return check_gate(of, stage, FULL, reading or read(), POLICY, now, due_since=due_since, standing=None)


def charge(
    reading: InvoiceReading | Unreadable | None = None, of: Case = DUE, method: str = "pm_2"
) -> Verdict:
    said, trigger = reading or read(), AttemptTrigger.NEW_METHOD
    return check_charge_gate(of, method, said, POLICY, NOW, due_since=NOW, standing=None, trigger=trigger)


def test_an_open_invoice_read_just_now_lets_the_message_go() -> None:
    why = "The invoice is open and nothing stands against sending."

    assert judged() == Verdict(VerdictKind.SEND, why, FULL)


@pytest.mark.parametrize(
    ("age", "kind"), [(59.9, VerdictKind.SEND), (60, VerdictKind.WAIT), (3600, VerdictKind.WAIT)]
)
def test_a_reading_must_be_younger_than_a_minute(age: float, kind: VerdictKind) -> None:
    verdict = judged(read(age=age))

    assert verdict.kind is kind
    assert verdict.again_at == (NOW if kind is VerdictKind.WAIT else None)


SETTLED = [
    (invoice(status=InvoiceStatus.PAID), Ending.RECOVERED),
    (invoice(status=InvoiceStatus.VOID), Ending.VOIDED),
    (invoice(status=InvoiceStatus.UNCOLLECTIBLE), Ending.WRITTEN_OFF),
    (invoice(open=Money(0, "USD")), Ending.CREDITED),
    (invoice(open=Money(-1, "USD")), Ending.CREDITED),
]


@pytest.mark.parametrize(("about", "ending"), SETTLED)
def test_a_settled_invoice_stops_what_was_about_to_leave_and_closes_the_case(
    about: Invoice, ending: Ending
) -> None:
    for verdict in (judged(read(about)), charge(read(about))):
        assert (verdict.kind, verdict.ending) == (VerdictKind.CLOSE, ending)


STRANGE = [
    (invoice(status=InvoiceStatus.UNKNOWN), ReviewKind.INVOICE_UNKNOWN),
    (invoice(status=InvoiceStatus.DRAFT), ReviewKind.BAD_DATA),
    (invoice(open=Money(120_000, "EUR")), ReviewKind.BAD_DATA),
]


@pytest.mark.parametrize(("about", "review"), STRANGE)
def test_a_strange_invoice_stops_it_and_asks_a_person(about: Invoice, review: ReviewKind) -> None:
    for verdict in (judged(read(about)), charge(read(about))):
        assert (verdict.kind, verdict.review) == (VerdictKind.REVIEW, review)


def test_a_chargeback_stops_message_and_charge() -> None:
    for status in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
        taken_back = read(invoice(status=status, charged_back=True))

        assert judged(taken_back).kind is VerdictKind.HOLD
        assert charge(taken_back).kind is VerdictKind.HOLD


def test_a_partial_payment_changes_the_amount_in_the_message() -> None:
    left = Money(70_000, "USD")

    assert judged(read(invoice(open=left))) == Verdict(
        VerdictKind.ADJUST, "USD 700.00 is open now, not USD 1,200.00.", left
    )


def test_a_payment_under_way_makes_a_message_wait_and_stops_a_charge() -> None:
    moving = read(invoice(in_flight=True))

    assert judged(moving) == Verdict(VerdictKind.WAIT, "A payment is under way.", again_at=NOW + days(1))
    assert charge(moving) == Verdict(VerdictKind.HOLD, "Not charged: a payment is under way.")


@pytest.mark.parametrize("kind", list(HoldKind))
def test_any_active_hold_stops_a_message(kind: HoldKind) -> None:
    verdict = judged(of=replace(DUE, holds=(hold(FAILED, None, kind),)))

    assert (verdict.kind, verdict.why) == (VerdictKind.HOLD, f"The case is on hold ({kind}).")


def test_a_hold_that_is_over_stops_nothing() -> None:
    over = hold(FAILED, None, ended_at=NOW - days(1))

    assert judged(of=replace(DUE, holds=(over,))).kind is VerdictKind.SEND


@pytest.mark.parametrize(
    ("status", "stage", "kind"),
    [
        (CaseStatus.CLOSED, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.REVIEW, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.ESCALATED, Stage.REMINDER, VerdictKind.HOLD),
        (CaseStatus.ESCALATED, Stage.ESCALATION, VerdictKind.SEND),
        (CaseStatus.OPEN, Stage.REMINDER, VerdictKind.SEND),
    ],
)
def test_a_case_with_a_person_sends_nothing_but_its_escalation(
    status: CaseStatus, stage: Stage, kind: VerdictKind
) -> None:
    assert judged(of=replace(DUE, status=status), stage=stage).kind is kind


def test_a_stage_that_was_sent_is_not_sent_again() -> None:
    assert judged(stage=Stage.NOTICE) == Verdict(VerdictKind.HOLD, "The notice has been sent already.")


@pytest.mark.parametrize(
    "contact", [None, Contact("Dana", "nowhere"), Contact("Dana", "dana@acme.example", deliverable=False)]
)
def test_an_unreachable_contact_goes_to_a_person(contact: Contact | None) -> None:
    verdict = judged(of=replace(DUE, customer=customer(contact=contact)))

    assert (verdict.kind, verdict.review) == (VerdictKind.REVIEW, ReviewKind.NO_CONTACT)


def test_a_contact_written_to_meanwhile_is_spared_until_the_cap_is_free() -> None:
    of = replace(DUE, payer_written_at=NOW - days(1))

    verdict = judged(of=of)

    assert (verdict.kind, verdict.again_at) == (VerdictKind.WAIT, utc("2026-04-13 13:00"))


def test_a_message_that_missed_the_window_waits_but_a_notice_goes() -> None:
    evening = utc("2026-04-10 21:00")
    fresh = InvoiceReading(evening, invoice())

    assert judged(fresh, now=evening).again_at == utc("2026-04-13 13:00")
    assert judged(fresh, of=case(), stage=Stage.NOTICE, now=evening).kind is VerdictKind.SEND


def test_an_unreadable_ledger_waits_and_tells_a_person_after_a_day() -> None:
    broken = Unreadable("timeout")
    in_an_hour = NOW + timedelta(hours=1)

    assert judged(broken, due_since=NOW - timedelta(hours=23, minutes=59)) == Verdict(
        VerdictKind.WAIT, "The ledger could not be read: timeout.", again_at=in_an_hour
    )
    assert judged(broken, due_since=NOW - timedelta(hours=24)) == Verdict(
        VerdictKind.REVIEW,
        "The ledger could not be read for 24 hours: timeout.",
        again_at=in_an_hour,
        review=ReviewKind.LEDGER_UNREADABLE,
    )
    assert charge(broken).kind is VerdictKind.WAIT


def test_an_unreadable_ledger_is_asked_ever_more_slowly() -> None:
    waits = {
        minutes: (judged(Unreadable("timeout"), due_since=NOW - timedelta(minutes=minutes)).again_at or NOW)
        - NOW
        for minutes in (0, 20, 60, 600)
    }
    assert waits == {
        0: timedelta(minutes=5),
        20: timedelta(minutes=5),
        60: timedelta(minutes=15),
        600: timedelta(hours=1),
    }


def test_a_ledger_that_can_never_answer_goes_to_a_person_at_once() -> None:
    gone = Unreadable("no such invoice", permanent=True)
    expected = Verdict(
        VerdictKind.REVIEW,
        "The ledger cannot answer: no such invoice.",
        review=ReviewKind.LEDGER_UNREADABLE,
    )

    assert judged(gone) == expected
    assert charge(gone) == expected


def test_an_open_invoice_lets_a_charge_go_for_what_is_open_now() -> None:
    left = Money(70_000, "USD")

    assert charge(read(invoice(open=left))) == Verdict(
        VerdictKind.SEND, "The invoice is open and nothing stands against the charge.", left
    )


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (HoldKind.REPLY, VerdictKind.SEND),
        (HoldKind.PROMISE, VerdictKind.SEND),
        (HoldKind.DISPUTE, VerdictKind.HOLD),
        (HoldKind.PAYMENT_PLAN, VerdictKind.HOLD),
    ],
)
def test_a_contested_invoice_is_not_charged_but_a_customer_who_wrote_is(
    kind: HoldKind, verdict: VerdictKind
) -> None:
    assert charge(of=replace(DUE, holds=(hold(FAILED, None, kind),))).kind is verdict


def test_a_charge_needs_a_case_that_is_not_closed_and_a_method() -> None:
    assert charge(of=replace(DUE, status=CaseStatus.CLOSED)).kind is VerdictKind.HOLD
    assert charge(method="").kind is VerdictKind.HOLD
    assert charge(of=replace(DUE, status=CaseStatus.REVIEW)).kind is VerdictKind.SEND


# Both ledgers, and Stripe proved quiet

IN_BOTH = replace(DUE, ledger=GATHERED)
LETTER = letter(1, LetterState.LEAVING, NOW)
SIGNED = personal(ledger=GATHERED, letters=(LETTER,), attempts=(tried(FAILED), tried(NOW - days(1))))
QUIET = InvoiceReading(NOW, invoice(), auto_advance=False)


def standing(about: Invoice | None = None, *unused: Money, age: float = 1) -> Standing:
    at = NOW - timedelta(seconds=age)
    items = tuple(Unapplied("9", "P-9", UnappliedKind.PAYMENT, each) for each in unused)
    return Standing(at, about, UnappliedReading(at, items))


SAME = standing(invoice())


def judged_both(
    known: Standing | Unreadable | None, of: Case = IN_BOTH, due_since: datetime = NOW
) -> Verdict:
    return check_gate(of, Stage.REMINDER, FULL, read(), POLICY, NOW, due_since=due_since, standing=known)


def signed(
    known: Standing | Unreadable | None = SAME,
    of: Case = SIGNED,
    reading: InvoiceReading | Unreadable = QUIET,
    amount: Money = FULL,
    why: str = "insufficient_funds",
) -> Verdict:
    contact = of.customer.contact
    name, email = (contact.name, contact.email) if contact else ("", "")
    says = Says(amount, name, email, why, FAILED)
    return check_letter_gate(of, says, reading, known, POLICY, NOW, due_since=NOW)


def charged(
    known: Standing | Unreadable | None = SAME,
    of: Case | None = None,
    reading: InvoiceReading | Unreadable = QUIET,
    trigger: AttemptTrigger = AttemptTrigger.RETRY,
    method: str = "pm_1",
) -> Verdict:
    of = of or personal(ledger=GATHERED)
    return check_charge_gate(of, method, reading, POLICY, NOW, due_since=NOW, standing=known, trigger=trigger)


def test_both_ledgers_that_agree_let_message_letter_and_retry_go() -> None:
    assert judged_both(SAME).kind is VerdictKind.SEND
    assert signed().kind is VerdictKind.SEND
    assert charged().kind is VerdictKind.SEND


DISAGREE = [
    (invoice(status=InvoiceStatus.PAID, open=Money(0, "USD")), "NetSuite that the invoice is paid."),
    (invoice(open=Money(0, "USD")), "NetSuite that the invoice is paid."),
    (invoice(status=InvoiceStatus.VOID), "NetSuite that the invoice is void."),
    (invoice(open=Money(70_000, "USD")), "NetSuite says USD 700.00."),
    (invoice(open=Money(120_000, "EUR")), "NetSuite says EUR 1,200.00."),
]


@pytest.mark.parametrize(("about", "says"), DISAGREE)
def test_ledgers_that_disagree_let_nothing_leave_and_ask_a_person(about: Invoice, says: str) -> None:
    why = f"Stripe says that USD 1,200.00 is open, {says}"
    expected = Verdict(VerdictKind.REVIEW, why, review=ReviewKind.LEDGERS_DISAGREE)

    for verdict in (
        judged_both(standing(about)),
        signed(standing(about)),
        charged(standing(about)),
        charged(standing(about), trigger=AttemptTrigger.NEW_METHOD),
    ):
        assert verdict == expected


def test_unapplied_money_that_covers_the_invoice_stops_everything() -> None:
    covered = standing(invoice(), Money(100_000, "USD"), Money(20_000, "USD"))
    why = "NetSuite has USD 1,200.00 from this customer that no invoice has used up; USD 1,200.00 is open."
    expected = Verdict(VerdictKind.REVIEW, why, review=ReviewKind.UNAPPLIED)

    assert [judged_both(covered), signed(covered), charged(covered)] == [expected] * 3
    for too_little in (Money(119_999, "USD"), Money(120_000, "EUR")):
        assert judged_both(standing(invoice(), too_little)).kind is VerdictKind.SEND


def test_netsuite_that_cannot_be_read_lets_nothing_leave_and_tells_a_person_after_a_day() -> None:
    broken = Unreadable("timeout")
    soon = NOW + timedelta(minutes=5)
    wait = Verdict(VerdictKind.WAIT, "NetSuite could not be read: timeout.", again_at=soon)

    assert [judged_both(broken), signed(broken), charged(broken)] == [wait] * 3
    told = judged_both(broken, due_since=NOW - timedelta(hours=24))
    assert (told.kind, told.review) == (VerdictKind.REVIEW, ReviewKind.LEDGER_UNREADABLE)
    assert told.why == "NetSuite could not be read for 24 hours: timeout."


def test_a_reading_of_netsuite_that_is_old_or_missing_is_made_again() -> None:
    for known in (standing(invoice(), age=60), None):
        verdict = judged_both(known)
        assert (verdict.kind, verdict.again_at) == (VerdictKind.WAIT, NOW)
    assert judged_both(standing(invoice(), age=59.9)).kind is VerdictKind.SEND


def test_an_invoice_netsuite_does_not_show_stops_the_personal_track_only() -> None:
    unknown = replace(IN_BOTH, ledger=LedgerFacts(FAILED))

    assert judged_both(standing(None)).kind is VerdictKind.SEND
    assert judged_both(None, unknown).kind is VerdictKind.SEND
    stopped = Verdict(
        VerdictKind.REVIEW, "NetSuite shows no invoice INV-1 for this customer.", review=ReviewKind.INCOMPLETE
    )
    assert [signed(standing(None)), charged(standing(None))] == [stopped] * 2
    assert signed(None, replace(SIGNED, ledger=LedgerFacts(FAILED))) == stopped
    assert charged(standing(None), trigger=AttemptTrigger.NEW_METHOD).kind is VerdictKind.SEND


SWITCHED_ON = [
    InvoiceReading(NOW, invoice(), auto_advance=True),
    InvoiceReading(NOW, invoice(), auto_advance=False, next_attempt=NOW + days(2)),
    InvoiceReading(NOW, invoice(), auto_advance=None),
]


@pytest.mark.parametrize("reading", SWITCHED_ON)
def test_stripe_that_is_not_proved_quiet_stops_letter_retry_and_message(reading: InvoiceReading) -> None:
    on_both = replace(DUE, collection=OURS)
    verdicts = (
        signed(reading=reading),
        charged(reading=reading),
        check_gate(on_both, Stage.REMINDER, FULL, reading, POLICY, NOW, due_since=NOW, standing=None),
    )

    for verdict in verdicts:
        assert (verdict.kind, verdict.review) == (VerdictKind.REVIEW, ReviewKind.DRIFT)
    asked_for = charged(reading=reading, trigger=AttemptTrigger.NEW_METHOD)
    assert asked_for.kind is VerdictKind.SEND


def test_nothing_leaves_before_collection_is_ours_where_it_should_be() -> None:
    not_yet = replace(SIGNED, collection=Collection())

    assert signed(of=not_yet) == Verdict(
        VerdictKind.HOLD, "Collection has not been taken over from Stripe yet."
    )
    assert charged(of=personal(collection=Collection())) == Verdict(
        VerdictKind.HOLD, "Not charged: collection is not ours."
    )
    never_charged = replace(not_yet, failed_at=None)
    assert signed(of=never_charged).kind is VerdictKind.SEND


def test_another_amount_than_the_manager_signed_takes_the_letter_back() -> None:
    assert signed(amount=Money(100_000, "USD")) == Verdict(
        VerdictKind.ADJUST, "USD 1,200.00 is open now, not USD 1,000.00.", FULL
    )


def test_a_letter_is_stopped_by_holds_people_and_what_is_under_way() -> None:
    on_hold = replace(SIGNED, holds=(hold(FAILED, None, HoldKind.VETO),))

    assert signed(of=on_hold) == Verdict(VerdictKind.HOLD, "The case is on hold (veto).")
    for status in (CaseStatus.REVIEW, CaseStatus.ESCALATED, CaseStatus.CLOSED):
        assert signed(of=replace(SIGNED, status=status)).kind is VerdictKind.HOLD
    moving = replace(SIGNED, under_way=frozenset({ActionKind.RETRY}))
    assert signed(of=moving) == Verdict(
        VerdictKind.WAIT, "A charge is being made.", again_at=NOW + timedelta(minutes=5)
    )
    flying = InvoiceReading(NOW, invoice(in_flight=True), auto_advance=False)
    assert signed(reading=flying).kind is VerdictKind.WAIT
    written = replace(SIGNED, payer_written_at=NOW - days(1))
    assert signed(of=written).again_at == utc("2026-04-13 13:00")


@pytest.mark.parametrize("kind", list(HoldKind))
def test_a_retry_of_ours_is_refused_under_any_hold(kind: HoldKind) -> None:
    held = personal(ledger=GATHERED, holds=(hold(FAILED, None, kind),))

    assert charged(of=held).kind is VerdictKind.HOLD


def test_a_retry_of_ours_is_refused_once_what_let_it_be_decided_is_gone() -> None:
    refused = [
        personal(status=CaseStatus.REVIEW),
        personal(reason=Reason("lost_card", RetryClass.HARD, "Said.")),
        personal(instrument=None),
        personal(attempts=(tried(FAILED),) * 8),
        personal(reviews=(ReviewKind.CHARGE_UNKNOWN,)),
    ]

    assert {charged(None, of).kind for of in refused} == {VerdictKind.HOLD}
    assert charged(None, personal(), method="pm_0") == Verdict(
        VerdictKind.HOLD, "Not charged: the customer has another payment method now."
    )


def test_a_charge_the_customer_asked_for_goes_ahead_whatever_our_own_retries_may_not() -> None:
    of = personal(
        status=CaseStatus.ESCALATED,
        collection=Collection(),
        attempts=(tried(FAILED, outcome=AttemptOutcome.DECLINED),) * 8,
        holds=(hold(FAILED, None, HoldKind.REPLY),),
    )

    assert charged(None, of, trigger=AttemptTrigger.NEW_METHOD, method="pm_2").kind is VerdictKind.SEND
    assert of.track is Track.PERSONAL


def test_a_letter_that_tells_of_another_decline_than_the_last_is_withdrawn_at_the_door() -> None:
    verdict = signed(why="expired_card")
    assert (verdict.kind, verdict.why) == (
        VerdictKind.ADJUST,
        "The payment has failed once more, for another reason (insufficient_funds, not expired_card).",
    )
