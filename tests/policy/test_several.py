"""A mail about several invoices: its words, and the rules it has to pass."""

import re
from dataclasses import replace
from datetime import date

import pytest

from dunwell.policy.content import Rule, check_content, check_wording, expectation_of
from dunwell.policy.context import IncompleteContextError, Listed, MessageContext, several_contexts
from dunwell.policy.merging import MOST_INVOICES, SHARED
from dunwell.policy.money import Money
from dunwell.policy.wording import SEVERAL, Rendered, built_in_wording, load_wording, render
from dunwell.policy.words import Stage

WHOLE = several_contexts()[0]


def found(stage: Stage, message: Rendered, context: MessageContext = WHOLE) -> list[tuple[Rule, str]]:
    expected = expectation_of(context, sender_email="sam.sample@dunwell.example")
    return [(breach.rule, breach.place) for breach in check_content(stage, message, expected)]


def test_every_tone_that_a_shared_mail_may_take_has_its_words() -> None:
    assert set(SEVERAL) == SHARED
    assert check_wording(built_in_wording()) == ()


def test_the_notice_lists_each_invoice_and_their_sum_once() -> None:
    written = render(built_in_wording(), Stage.NOTICE, WHOLE)

    assert written.subject == "Payments of USD 14,580.50 for 2 invoices did not go through"
    assert written.text.startswith(
        "Hi Robin,\n\n"
        "The payments for these invoices (Sample Customer) did not go through:\n\n"
        "SAMPLE-1: USD 14,200.00, failed on 7 April 2026\n"
        "SAMPLE-2: USD 380.50, failed on 10 April 2026\n\n"
        "Together they come to USD 14,580.50. The card on file has passed its expiry date.\n\n"
    )
    assert written.text.count("14,580.50") == 1
    assert "<li>SAMPLE-1: USD 14,200.00, failed on 7 April 2026</li>" in written.html


def test_days_overdue_are_named_in_a_direct_mail_about_invoices_that_are_all_overdue() -> None:
    assert "7 days overdue" in render(built_in_wording(), Stage.DIRECT, WHOLE).text
    for stage in SEVERAL:
        for context in several_contexts()[2:4]:
            assert "days overdue" not in render(built_in_wording(), stage, context).text


@pytest.mark.parametrize("stage", SEVERAL)
def test_text_and_html_say_the_same_words(stage: Stage) -> None:
    for context in several_contexts():
        written = render(built_in_wording(), stage, context)
        body = re.sub(r"<title>.*?</title>|<a .*?</a>", "", written.html, flags=re.DOTALL)
        shown = " ".join(re.sub(r"<[^>]*>", " ", body).split())
        assert shown == " ".join(written.text.replace(context.link, "").split())


@pytest.mark.parametrize("stage", SEVERAL)
def test_twelve_invoices_stay_under_the_limit_since_the_list_does_not_count(stage: Stage) -> None:
    many = tuple(
        Listed(f"INV-{n}", Money(100 + n, "USD"), failed_on=date(2026, 4, 1 + n), days_overdue=20 - n)
        for n in range(MOST_INVOICES)
    )
    total = Money(sum(each.amount.minor for each in many), "USD")
    context = replace(WHOLE, invoices=many, amount=total, invoice_number="many", days_overdue=9)

    written = render(built_in_wording(), stage, context)

    assert len(written.text.split()) > 120
    assert found(stage, written, context) == []


def test_a_final_mail_is_about_one_invoice() -> None:
    with pytest.raises(IncompleteContextError, match="a final message is about one invoice"):
        render(built_in_wording(), Stage.FINAL, WHOLE)


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        ("SAMPLE-2: USD 380.50", "SAMPLE-2: USD 14,200.00", [Rule.INVOICE_NUMBER]),  # the first one's amount
        ("SAMPLE-2: USD 380.50, failed on 10 April 2026\n", "", [Rule.INVOICE_NUMBER]),
        ("10 April 2026", "11 April 2026", [Rule.INVOICE_NUMBER]),
        ("USD 14,580.50", "USD 14,580.05", [Rule.AMOUNT, Rule.AMOUNT]),
        ("SAMPLE-2:", "SAMPLE-20:", [Rule.INVOICE_NUMBER]),
        ("Hi Robin,", "Hi Robin, USD 14,580.50 is open.", [Rule.AMOUNT]),
    ],
)
def test_an_invoice_that_is_not_listed_as_it_is_breaks_the_rules(
    before: str, after: str, broken: list[Rule]
) -> None:
    written = render(built_in_wording(), Stage.REMINDER, WHOLE)
    changed = replace(written, text=written.text.replace(before, after))

    rules = [rule for rule, place in found(Stage.REMINDER, changed) if place.startswith("text")]

    assert changed.text != written.text
    assert [rule for rule in rules if rule is not Rule.SAME_IN_BOTH] == broken


def test_a_hostile_invoice_number_stays_one_line_of_text() -> None:
    hostile = replace(WHOLE.invoices[0], invoice_number='1"><script>\r\nBcc: all@evil.example')
    written = render(built_in_wording(), Stage.NOTICE, replace(WHOLE, invoices=(hostile, WHOLE.invoices[1])))

    assert "<script>" not in written.html
    assert "&gt;&lt;script&gt; Bcc: all@evil.example: USD 14,200.00" in written.html
    assert len(written.subject.splitlines()) == 1


def test_an_operator_s_own_words_are_tried_on_mails_about_several_invoices() -> None:
    own = load_wording({"several.reminder.txt.liquid": "{{ greeting }}\n\nPlease pay {{ total }}.\n"})

    assert {name for name, _ in check_wording(own)} == {"several.reminder"}
