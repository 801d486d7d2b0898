import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.facts import Reason
from dunwell.policy.reasons import (
    GENERIC_SENTENCE,
    NO_PAYMENT_METHOD,
    SECRET_CODES,
    DeclineCodes,
    decline_rows,
    read_reason,
    reason_for_code,
)
from dunwell.policy.words import Rail, RetryClass

SHORT_OF_FUNDS = "The account behind the card did not have enough available at that moment."
HARD, SOFT, ACTION = RetryClass.HARD, RetryClass.SOFT, RetryClass.ACTION

codes_or_none = (
    st.none() | st.sampled_from(sorted({code for _, code in decline_rows()})) | st.text(max_size=8)
)
every_codes = st.builds(
    DeclineCodes,
    advice_code=codes_or_none,
    network_advice_code=codes_or_none,
    decline_code=codes_or_none,
    outcome_reason=codes_or_none,
    error_code=codes_or_none,
    payment_method_type=st.none()
    | st.sampled_from(["card", "us_bank_account", "sepa_debit", "klarna", "new_rail"]),
)


def test_no_sentence_of_the_table_hints_at_fraud_loss_or_theft() -> None:
    sentences = {row.sentence for row in decline_rows().values()}

    assert len(decline_rows()) == 205
    for sentence in sentences:
        assert not re.search(
            r"fraud|lost|stolen|theft|pick.?up|risk|black.?list|suspic", sentence, re.IGNORECASE
        )


def test_no_sentence_of_the_table_shows_a_raw_code_or_presses() -> None:
    for row in decline_rows().values():
        assert not re.search(r"_|overdue|urgent|immediately|final notice|suspen", row.sentence, re.IGNORECASE)
        assert row.sentence.endswith(".")


def test_every_secret_code_of_the_table_reads_exactly_like_a_generic_decline() -> None:
    told = {code: row.sentence for (_, code), row in decline_rows().items() if code in SECRET_CODES}

    assert told == dict.fromkeys(SECRET_CODES - {"elevated_risk_level"}, GENERIC_SENTENCE)
    assert decline_rows()["card", "generic_decline"].sentence == GENERIC_SENTENCE


@given(
    every_codes, st.sampled_from(sorted(SECRET_CODES)), st.sampled_from(["decline_code", "outcome_reason"])
)
def test_a_secret_code_hides_whatever_else_the_vendor_says(
    codes: DeclineCodes, secret: str, place: str
) -> None:
    values = {name: getattr(codes, name) for name in DeclineCodes.__slots__} | {place: secret}

    assert read_reason(DeclineCodes(**values)).sentence == GENERIC_SENTENCE


@given(every_codes)
def test_reading_is_total_and_its_sentence_comes_from_the_table(codes: DeclineCodes) -> None:
    reason = read_reason(codes)

    assert reason.sentence in {row.sentence for row in decline_rows().values()}
    assert read_reason(codes) == reason


@pytest.mark.parametrize(
    ("codes", "reason"),
    [
        pytest.param(
            DeclineCodes("try_again_later", None, "insufficient_funds", None, "card_declined", "card"),
            Reason("insufficient_funds", SOFT, SHORT_OF_FUNDS),
            id="advice to wait does not hide the cause",
        ),
        pytest.param(
            DeclineCodes("do_not_try_again", None, "insufficient_funds", None, "card_declined", "card"),
            Reason("insufficient_funds", HARD, SHORT_OF_FUNDS),
            id="advice decides the class",
        ),
        pytest.param(
            DeclineCodes("confirm_card_data", None, "generic_decline", None, "card_declined", "card"),
            Reason("generic_decline", ACTION, "Some of the card details did not match the bank's records."),
            id="telling advice explains a generic decline",
        ),
        pytest.param(
            DeclineCodes("do_not_try_again", None, "generic_decline", None, "card_declined", "card"),
            Reason("generic_decline", HARD, GENERIC_SENTENCE),
            id="other advice does not",
        ),
        pytest.param(
            DeclineCodes(None, "21", "generic_decline", None, "card_declined", "card"),
            Reason("generic_decline", HARD, "The cardholder's bank has cancelled recurring charges from us."),
            id="network advice explains a generic decline",
        ),
        pytest.param(
            DeclineCodes(None, "24", "insufficient_funds"),
            Reason("insufficient_funds", SOFT, SHORT_OF_FUNDS),
            id="network advice about waiting",
        ),
        pytest.param(
            DeclineCodes("try_again_later"),
            Reason("try_again_later", SOFT, "The bank declined for now and allows another try."),
            id="advice alone",
        ),
        pytest.param(
            DeclineCodes("do_not_try_again", "41", "stolen_card", "stolen_card", "card_declined", "card"),
            Reason("stolen_card", HARD, GENERIC_SENTENCE),
            id="a stolen card",
        ),
        pytest.param(
            DeclineCodes(None, None, "generic_decline", "highest_risk_level", "card_declined", "card"),
            Reason("highest_risk_level", SOFT, GENERIC_SENTENCE),
            id="a blocked charge",
        ),
        pytest.param(
            DeclineCodes(error_code="authentication_required", payment_method_type="card"),
            Reason(
                "authentication_required",
                ACTION,
                "The bank wants the cardholder to confirm this payment before it goes through.",
            ),
            id="an error code",
        ),
        pytest.param(
            DeclineCodes(None, None, "coined_yesterday", None, "card_declined", "card"),
            Reason("coined_yesterday", SOFT, GENERIC_SENTENCE, known=False),
            id="a new decline code beside the catch-all error",
        ),
        pytest.param(
            DeclineCodes("coined_advice", None, "coined_yesterday"),
            Reason("coined_yesterday", SOFT, GENERIC_SENTENCE, known=False),
            id="only unknown codes",
        ),
        pytest.param(
            DeclineCodes("coined_advice", None, "expired_card"),
            Reason("expired_card", HARD, "The card on file has passed its expiry date."),
            id="an unknown code decides nothing",
        ),
        pytest.param(DeclineCodes(), NO_PAYMENT_METHOD, id="nothing was tried"),
        pytest.param(
            DeclineCodes(payment_method_type="card"),
            Reason("", SOFT, GENERIC_SENTENCE, known=False),
            id="tried, and no code given",
        ),
    ],
)
def test_codes_are_read_in_order(codes: DeclineCodes, reason: Reason) -> None:
    assert read_reason(codes) == reason


@pytest.mark.parametrize(
    ("method_type", "code", "sentence"),
    [
        ("card", "insufficient_funds", SHORT_OF_FUNDS),
        (
            "us_bank_account",
            "insufficient_funds",
            "There was not enough money available in the bank account on the day.",
        ),
        ("us_bank_account", "R02", "The bank account on file has been closed."),
        (
            "sepa_debit",
            "insufficient_funds",
            "There was not enough money available in the account on the day.",
        ),
        ("sepa_debit", "authorization_revoked", "The mandate for our debits was withdrawn."),
        ("bacs_debit", "bank_ownership_changed", "The account has moved to another bank."),
        ("klarna", "insufficient_funds", "There was not enough money available with the payment provider."),
        ("sepa_debit", "processing_error", "A technical fault stopped the payment."),
        ("sepa_debit", "do_not_honor", GENERIC_SENTENCE),
    ],
)
def test_a_code_is_read_on_its_own_rail(method_type: str, code: str, sentence: str) -> None:
    reason = read_reason(DeclineCodes(decline_code=code, payment_method_type=method_type))

    assert (reason.code, reason.sentence, reason.known) == (code, sentence, True)


def test_a_sentence_about_a_card_is_never_told_of_a_bank_account() -> None:
    reason = read_reason(DeclineCodes(decline_code="expired_card", payment_method_type="us_bank_account"))

    assert reason == Reason("expired_card", SOFT, GENERIC_SENTENCE, known=False)


@pytest.mark.parametrize(
    ("code", "rail", "retry_class", "known"),
    [
        ("insufficient_funds", "card", SOFT, True),
        ("expired_card", "card", HARD, True),
        ("confirm_card_data", "card", ACTION, True),
        ("51", "card", SOFT, True),
        ("R01", "bank_debit", SOFT, True),
        ("R03", "bank_debit", HARD, True),
        ("R01", "ach_return", SOFT, True),
        ("refer_to_customer", "bank_debit", ACTION, True),
        ("no_payment_method", "card", ACTION, True),
        ("invalid_billing_agreement", "other", HARD, True),
        ("coined_yesterday", "card", SOFT, False),
        ("", "card", SOFT, False),
        (None, "card", SOFT, False),
    ],
)
def test_a_single_code_is_read_on_a_rail(
    code: str | None, rail: str, retry_class: RetryClass, *, known: bool
) -> None:
    reason = reason_for_code(code, rail)

    assert (reason.retry_class, reason.known) == (retry_class, known)
    assert known or reason == Reason(code or "", SOFT, GENERIC_SENTENCE, known=False)


@pytest.mark.parametrize("rail", list(Rail))
def test_every_rail_reads_a_missing_payment_method_and_an_unknown_code(rail: Rail) -> None:
    assert reason_for_code("no_payment_method", rail) == NO_PAYMENT_METHOD
    assert reason_for_code("coined_yesterday", rail).known is False
