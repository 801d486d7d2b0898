from collections.abc import Callable
from dataclasses import replace

import pytest

from dunwell.policy.content import (
    Breach,
    ContentExpectation,
    Rule,
    check_content,
    check_letter_text,
    check_wording,
    expectation_of,
)
from dunwell.policy.context import sample_contexts
from dunwell.policy.reasons import decline_rows
from dunwell.policy.wording import Rendered, built_in_wording, load_wording, render, render_letter
from dunwell.policy.words import Stage, Track

CONTEXT = sample_contexts()[0]
EXPECTED = expectation_of(CONTEXT, sender_email=CONTEXT.reply_address)
LINK = CONTEXT.link

PERSONAL = Rendered(
    "Invoice SAMPLE-1",
    "Hi Robin,\n\n"
    "We noticed that the payment of USD 14,200.00 for invoice SAMPLE-1 did not go through on 7 April 2026: the card on "
    "file has passed its expiry date.\n\n"
    f"You can put in a new card here:\n\n{LINK}\n\n"
    "If something changed at your end, I am happy to call for five minutes. A reply to this mail reaches me.\n\n"
    "Best wishes,\nSample Sender\n",
    "",
)
AS_PERSONAL = replace(EXPECTED, track=Track.PERSONAL, cc=("owner@company.example",))


def written(stage: Stage) -> Rendered:
    return render(built_in_wording(), stage, CONTEXT)


def added(message: Rendered, sentence: str) -> Rendered:
    """Add a sentence to both bodies, before the signature."""
    html = message.html.replace("<p>Sample Sender", f"<p>{sentence}</p>\n<p>Sample Sender")
    return replace(
        message, text=message.text.replace("\nSample Sender", f"\n{sentence}\n\nSample Sender"), html=html
    )


def swapped(message: Rendered, old: str, new: str) -> Rendered:
    return Rendered(
        message.subject.replace(old, new), message.text.replace(old, new), message.html.replace(old, new)
    )


def rules(stage: Stage | None, message: Rendered, expected: ContentExpectation = EXPECTED) -> set[Rule]:
    return {breach.rule for breach in check_content(stage, message, expected)}


@pytest.mark.parametrize("stage", list(Stage))
def test_every_built_in_message_passes_the_rules_of_its_stage(stage: Stage) -> None:
    for context in sample_contexts():
        expected = expectation_of(context, sender_email=context.reply_address)
        assert check_content(stage, render(built_in_wording(), stage, context), expected) == ()


def test_a_plain_personal_mail_passes_the_personal_rules() -> None:
    assert check_content(None, PERSONAL, AS_PERSONAL) == ()


@pytest.mark.parametrize(
    ("text_of", "judged_as", "rule"),
    [
        (Stage.DIRECT, Stage.NOTICE, Rule.OVERDUE_WORD),
        (Stage.DIRECT, Stage.REMINDER, Rule.OVERDUE_WORD),
        (Stage.FINAL, Stage.NOTICE, Rule.THREAT),
        (Stage.FINAL, Stage.REMINDER, Rule.THREAT),
        (Stage.FINAL, Stage.DIRECT, Rule.THREAT),
        (Stage.NOTICE, Stage.DIRECT, Rule.MUST_SAY),
        (Stage.DIRECT, Stage.FINAL, Rule.MUST_SAY),
        (Stage.FINAL, Stage.ESCALATION, Rule.MUST_SAY),
    ],
)
def test_the_text_of_one_stage_fails_the_rules_of_another(
    text_of: Stage, judged_as: Stage, rule: Rule
) -> None:
    assert rule in rules(judged_as, written(text_of))


Edit = Callable[[Rendered], Rendered]

BREAKING: list[tuple[Rule, str, Stage, Edit, dict[str, object]]] = [
    (Rule.SUBJECT, "subject", Stage.NOTICE, lambda m: replace(m, subject="Hi\nBcc: x"), {}),
    (Rule.SUBJECT, "subject", Stage.NOTICE, lambda m: replace(m, subject=" "), {}),
    (Rule.INVOICE_NUMBER, "text", Stage.NOTICE, lambda m: swapped(m, "SAMPLE-1", "SAMPLE-10"), {}),
    (
        Rule.INVOICE_NUMBER,
        "html",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace("SAMPLE-1", "it")),
        {},
    ),
    (Rule.AMOUNT, "text", Stage.NOTICE, lambda m: swapped(m, "14,200.00", "14,200"), {}),
    (Rule.AMOUNT, "text", Stage.NOTICE, lambda m: swapped(m, "USD 14,200.00", "14,200.00"), {}),
    (Rule.AMOUNT, "subject", Stage.NOTICE, lambda m: replace(m, subject="USD 12,400.00 is open"), {}),
    (Rule.DATE, "text", Stage.NOTICE, lambda m: swapped(m, "7 April", "8 April"), {}),
    (Rule.ONE_LINK, "text", Stage.NOTICE, lambda m: replace(m, text=m.text.replace(LINK, "")), {}),
    (
        Rule.ONE_LINK,
        "text line 9",
        Stage.NOTICE,
        lambda m: replace(m, text=m.text.replace(LINK, f"{LINK}\n\n{LINK}")),
        {},
    ),
    (Rule.ONE_LINK, "text line 13", Stage.NOTICE, lambda m: added(m, "See https://other.example/x."), {}),
    (Rule.ONE_LINK, "text line 13", Stage.NOTICE, lambda m: added(m, "See other.example/x"), {}),
    (Rule.ONE_LINK, "text line 13", Stage.NOTICE, lambda m: added(m, "See o\u200bther\uff0eexample"), {}),
    (Rule.ONE_LINK, "text line 13", Stage.NOTICE, lambda m: added(m, "Write to ap@other.example"), {}),
    (Rule.ONE_LINK, "subject", Stage.NOTICE, lambda m: replace(m, subject=f"Pay at {LINK}"), {}),
    (
        Rule.ONE_LINK,
        "html",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace(f'href="{LINK}"', "")),
        {},
    ),
    (
        Rule.ONE_LINK,
        "html line 14",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace(LINK, LINK + "x")),
        {},
    ),
    (
        Rule.ONE_LINK,
        "html line 17",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace("If some", "<a href='/x'>If</a>")),
        {},
    ),
    (
        Rule.ONE_LINK,
        "html line 10",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace("<p>Hi", "<img src='c.gif'><p>Hi")),
        {},
    ),
    (
        Rule.ONE_LINK,
        "html line 10",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace("<p>Hi", "<p style='background:url(//x.example/a)'>Hi")),
        {},
    ),
    (
        Rule.PORTAL_LINK,
        "text line 7",
        Stage.NOTICE,
        lambda m: replace(m, text=m.text.replace(LINK, "https://billing.stripe.com/p/session/test_x")),
        {},
    ),
    (
        Rule.PORTAL_LINK,
        "html line 14",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace(LINK, "https://billing.stripe.com/p/session/test_x")),
        {},
    ),
    (Rule.PERSON, "from", Stage.NOTICE, lambda m: m, {"sender_name": "Billing Team"}),
    (Rule.PERSON, "from", Stage.NOTICE, lambda m: m, {"sender_name": "Sample Company"}),
    (Rule.PERSON, "from", Stage.NOTICE, lambda m: m, {"sender_name": " "}),
    (
        Rule.SIGNATURE,
        "text",
        Stage.NOTICE,
        lambda m: replace(m, text=m.text.replace("Sample Sender", "")),
        {},
    ),
    (
        Rule.SIGNATURE,
        "html",
        Stage.NOTICE,
        lambda m: replace(m, html=m.html.replace("Sample Sender", "")),
        {},
    ),
    (
        Rule.REPLIES,
        "text",
        Stage.NOTICE,
        lambda m: swapped(m, "just reply to this mail; it reaches me", "tell us"),
        {},
    ),
    (Rule.REPLIES, "text", Stage.NOTICE, lambda m: added(m, "Please do not reply to this mail."), {}),
    (Rule.REPLIES, "text", Stage.NOTICE, lambda m: added(m, "Replies to it are not monitored."), {}),
    (Rule.OVERDUE_WORD, "subject", Stage.REMINDER, lambda m: replace(m, subject="Past due: SAMPLE-1"), {}),
    (Rule.OVERDUE_WORD, "text line 13", Stage.REMINDER, lambda m: added(m, "It is late."), {}),
    (Rule.THREAT, "text line 13", Stage.DIRECT, lambda m: added(m, "We will suspend your account."), {}),
    (Rule.LEGAL_THREAT, "text line 13", Stage.FINAL, lambda m: added(m, "Our lawyers will write next."), {}),
    (Rule.INSULT, "text line 13", Stage.FINAL, lambda m: added(m, "This is dishonest."), {}),
    (Rule.EXCLAMATION, "text line 13", Stage.FINAL, lambda m: added(m, "Please pay now\uff01"), {}),
    (Rule.RAW_CODE, "text line 13", Stage.NOTICE, lambda m: added(m, "The bank said card_declined."), {}),
    (
        Rule.MUST_SAY,
        "text",
        Stage.NOTICE,
        lambda m: swapped(m, "the charge is retried automatically", "thank you"),
        {},
    ),
    (Rule.MUST_SAY, "text", Stage.REMINDER, lambda m: swapped(m, "bank transfer", "cheque"), {}),
    (Rule.MUST_SAY, "text", Stage.DIRECT, lambda m: swapped(m, "7 days", "some days"), {}),
    (Rule.MUST_SAY, "text", Stage.FINAL, lambda m: swapped(m, "17 April", "18 April"), {}),
    (Rule.MUST_SAY, "html", Stage.ESCALATION, lambda m: replace(m, html=m.html.replace("+1 212", "+1")), {}),
    (Rule.MUST_SAY, "text", Stage.ESCALATION, lambda m: swapped(m, CONTEXT.reply_address, "me"), {}),
    (Rule.CC, "cc", Stage.NOTICE, lambda m: m, {"cc": ("owner@company.example",)}),
    (Rule.LENGTH, "text", Stage.NOTICE, lambda m: m, {"max_words": 74}),
    (Rule.MARKER, "subject", Stage.NOTICE, lambda m: replace(m, subject="Hi {{ first_name }}"), {}),
    (Rule.MARKER, "text line 13", Stage.NOTICE, lambda m: added(m, "{% if x %}"), {}),
    (Rule.MARKER, "html line 19", Stage.NOTICE, lambda m: added(m, "{{ x }}"), {}),
    (
        Rule.SAME_IN_BOTH,
        "text",
        Stage.NOTICE,
        lambda m: replace(m, text=m.text.replace("just", "USD 99.00")),
        {},
    ),
    (Rule.SAME_IN_BOTH, "html", Stage.NOTICE, lambda m: replace(m, html=m.html.replace("just", "$99")), {}),
]


@pytest.mark.parametrize(("rule", "place", "stage", "edit", "other"), BREAKING)
def test_a_breach_names_rule_and_place(
    rule: Rule, place: str, stage: Stage, edit: Edit, other: dict[str, object]
) -> None:
    expected = replace(EXPECTED, **other)  # type: ignore[arg-type]
    found = check_content(stage, edit(written(stage)), expected)
    assert (rule, place) in {(breach.rule, breach.place) for breach in found}
    assert all(breach.message for breach in found)


def test_every_rule_has_a_breaking_example() -> None:
    tried = {rule for rule, *_ in BREAKING}
    assert set(Rule) - tried == {Rule.SHARED_MAILBOX, Rule.PRESSURE, Rule.GREETING, Rule.MARKUP}  # below


def test_a_breach_says_what_it_found() -> None:
    found = check_content(Stage.REMINDER, added(written(Stage.REMINDER), "It is now past\ndue."), EXPECTED)
    assert found == (
        Breach(
            Rule.OVERDUE_WORD, "text line 13", "past due", "'past due' has no place in a reminder message"
        ),
        Breach(
            Rule.OVERDUE_WORD, "html line 19", "past due", "'past due' has no place in a reminder message"
        ),
    )


@pytest.mark.parametrize(
    "hidden",
    [
        *(
            "OVERDUE",
            "OverDue",
            "\uff2f\uff36\uff25\uff32\uff24\uff35\uff25",
            "over\u200bdue",
            "over\u00addue",
            "over-due",
            "over due",
            "óverdue",
        ),
        *(
            "over\ndue",
            "over-\ndue",
            "over\u2011\ndue",
            "past\n   due",
            "past\u00a0due",
            "past_due",
            "o v e r d u e",
        ),
        *(
            "o-v-e-r-d-u-e",
            "\u043everdu\u0435",
            "over&#100;ue",
            "over&shy;due",
            "past&nbsp;due",
            "delinquency",
            "in arrears",
        ),
        *("Late.", "(late)", "late-payment", "overdue\u2019s"),
    ],
)
def test_no_trick_hides_a_forbidden_word(hidden: str) -> None:
    found = check_content(Stage.NOTICE, added(written(Stage.NOTICE), f"It is {hidden} now."), EXPECTED)
    found = tuple(breach for breach in found if breach.rule is Rule.OVERDUE_WORD)
    assert {breach.place.split()[0] for breach in found} == {"text", "html"}


@pytest.mark.parametrize(
    "markup", ["over<b>due</b>", "over<!-- x -->due", "<span>ove</span><i>rdue</i>", "<img alt='overdue'>"]
)
def test_no_markup_hides_a_forbidden_word(markup: str) -> None:
    message = written(Stage.NOTICE)
    message = replace(message, html=message.html.replace("<p>Sample", f"<p>{markup}</p><p>Sample"))
    assert rules(Stage.NOTICE, message) == {Rule.OVERDUE_WORD}


@pytest.mark.parametrize(
    "innocent", ["later", "template", "lately", "collate", "plated", "chocolate", "to over, and due"]
)
def test_a_word_that_only_contains_a_forbidden_one_passes(innocent: str) -> None:
    assert check_content(Stage.NOTICE, added(written(Stage.NOTICE), f"It is {innocent} now."), EXPECTED) == ()


@pytest.mark.parametrize(
    "name", ["Late Harvest Wines", "Urgent Care LLC", "Court Street Bakery", "Yahoo!", "Suspension Parts"]
)
def test_a_customer_may_be_called_by_a_forbidden_word(name: str) -> None:
    context = replace(CONTEXT, customer_name=name)
    for stage in Stage:
        expected = expectation_of(context, sender_email=context.reply_address)
        assert check_content(stage, render(built_in_wording(), stage, context), expected) == ()


@pytest.mark.parametrize(
    "hostile", ["visit http://evil.example", "Booking.com", "a@evil.example", "<a href=//x.example>"]
)
def test_a_hostile_customer_name_leaves_a_message_that_passes(hostile: str) -> None:
    context = replace(CONTEXT, customer_name=hostile, contact_name=hostile)
    expected = expectation_of(context, sender_email=context.reply_address)
    assert check_content(Stage.NOTICE, render(built_in_wording(), Stage.NOTICE, context), expected) == ()


def test_a_name_typed_by_a_person_may_not_be_a_second_link() -> None:
    message = replace(PERSONAL, text=PERSONAL.text.replace("Hi Robin", "Hi Robin at Booking.com"))
    found = check_content(None, message, replace(AS_PERSONAL, names=("Booking.com",)))
    assert [(breach.rule, breach.place, breach.found) for breach in found] == [
        (Rule.ONE_LINK, "text line 1", "Booking.com,")
    ]


@pytest.mark.parametrize(
    "address",
    [
        *(
            "billing@acme.example",
            "Accounts@acme.example",
            "ar@acme.example",
            "finance@acme.example",
            "noreply@x.example",
        ),
        *(
            "no-reply@x.example",
            "do.not.reply@x.example",
            "invoices@x.example",
            "payments+1@x.example",
            "support@x.example",
        ),
        *(
            "info@x.example",
            "hello@x.example",
            "team@x.example",
            "acme-billing@x.example",
            "us.accounts@x.example",
        ),
        *(
            "ar-team@x.example",
            "billing2@x.example",
            "credit-control@x.example",
            "accounts.receivable@x.example",
            "@x.example",
        ),
    ],
)
def test_a_shared_mailbox_may_not_send(address: str) -> None:
    assert rules(Stage.NOTICE, written(Stage.NOTICE), replace(EXPECTED, sender_email=address)) == {
        Rule.SHARED_MAILBOX
    }


@pytest.mark.parametrize(
    "address", ["felix@x.example", "felix.nordstrom@x.example", "f.arnold@x.example", "ari@x.example"]
)
def test_a_person_s_own_address_may_send(address: str) -> None:
    assert check_content(Stage.NOTICE, written(Stage.NOTICE), replace(EXPECTED, sender_email=address)) == ()


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ("Your account is overdue.", Rule.OVERDUE_WORD),
        ("This is urgent.", Rule.PRESSURE),
        ("Please see to it immediately.", Rule.PRESSURE),
        ("This is the FINAL\nNOTICE.", Rule.PRESSURE),
        ("We may have to consider a suspension.", Rule.THREAT),
        ("The bank answered card_declined.", Rule.RAW_CODE),
        ("The bank answered insufficient\u200b_funds.", Rule.RAW_CODE),
        ("Thanks!", Rule.EXCLAMATION),
        ("Our attorney knows.", Rule.LEGAL_THREAT),
    ],
)
def test_a_personal_mail_edited_by_a_person_is_held_to_the_personal_rules(said: str, rule: Rule) -> None:
    edited = replace(PERSONAL, text=PERSONAL.text.replace("\nBest", f"\n{said}\n\nBest"))
    assert rule in rules(None, edited, AS_PERSONAL)


def test_the_date_of_a_personal_mail_has_to_be_the_right_one() -> None:
    edited = replace(PERSONAL, text=PERSONAL.text.replace("7 April", "6 April"))
    assert rules(None, edited, AS_PERSONAL) == {Rule.DATE}


def test_a_standard_message_without_a_stage_is_a_misuse() -> None:
    with pytest.raises(ValueError, match="stage"):
        check_content(None, PERSONAL, EXPECTED)


def test_a_value_that_a_line_break_splits_still_stands() -> None:
    text = PERSONAL.text.replace("USD 14,200.00", "USD\n14,200.00").replace("7 April", "7\u00a0April")
    assert check_content(None, replace(PERSONAL, text=text), AS_PERSONAL) == ()


def test_a_wording_is_tried_on_every_stage_and_shape() -> None:
    assert check_wording(built_in_wording()) == ()
    harsh = load_wording({"notice.subject.liquid": "Overdue: {{ invoice_number }}"})
    found = check_wording(harsh)
    assert {(stage, breach.rule, breach.place) for stage, breach in found} == {
        ("notice", Rule.OVERDUE_WORD, "subject")
    }


@pytest.mark.parametrize(
    "broken", ["<p", "</p></p></p>", "<a href=", "<![CDATA[x", "<!doctype", "&#xfffffff;", "<script>alert(1)"]
)
def test_broken_markup_never_breaks_the_checker(broken: str) -> None:
    message = written(Stage.NOTICE)
    check_content(Stage.NOTICE, replace(message, html=broken + message.html), EXPECTED)
    assert rules(Stage.NOTICE, replace(message, html=broken)) >= {Rule.AMOUNT, Rule.ONE_LINK}


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("token", ["x-USD1:9", "USD12", "a_US$5", "FR-99"])
def test_whatever_the_token_of_the_link_looks_like_breaks_nothing(stage: Stage, token: str) -> None:
    link = f"{EXPECTED.link}{token}"
    context = replace(CONTEXT, link=link)

    assert (
        check_content(stage, render(built_in_wording(), stage, context), replace(EXPECTED, link=link)) == ()
    )


def test_no_decline_reason_breaks_a_message() -> None:
    reasons = {row.sentence for row in decline_rows().values()}
    assert len(reasons) > 40
    for reason in sorted(reasons):
        context = replace(CONTEXT, reason=reason)
        expected = expectation_of(context, sender_email=context.reply_address)
        for stage in Stage:
            assert check_content(stage, render(built_in_wording(), stage, context), expected) == ()


# Text that a person edited


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_every_built_in_letter_passes_the_rules_of_personal_mails(number: int) -> None:
    for context in sample_contexts():
        named = replace(context, contact_name="Robin Sample")
        written = render_letter(built_in_wording(), number, named)
        expected = expectation_of(named, sender_email=named.reply_address)
        assert check_letter_text(written.subject, written.text, expected) == ()


def test_every_sentence_about_a_decline_may_stand_in_a_letter() -> None:
    for number in (1, 2, 3):
        for row in decline_rows().values():
            context = replace(CONTEXT, reason=row.sentence)
            letter = render_letter(built_in_wording(), number, context)
            assert check_letter_text(letter.subject, letter.text, EXPECTED) == (), row.code


def test_what_two_rules_forbid_is_one_breach_at_each_place() -> None:
    letter = render_letter(built_in_wording(), 1, CONTEXT)
    text = letter.text.replace("You can", "Final notice. You can") + "\nThe final notice.\n"

    found = check_letter_text(f"{letter.subject}: final notice", text, EXPECTED)

    last = len(text.splitlines())
    assert [(breach.rule, breach.place) for breach in found if breach.found == "final notice"] == [
        (Rule.PRESSURE, place) for place in ("subject", "text line 5", f"text line {last}")
    ]


EDITED: list[tuple[Rule, str, str, Callable[[str], str]]] = [
    (Rule.OVERDUE_WORD, "text line 5", "overdue", lambda t: t.replace("You can", "It is overdue. You can")),
    (Rule.PRESSURE, "text line 5", "urgent", lambda t: t.replace("You can", "This is urgent. You can")),
    (Rule.PRESSURE, "text line 5", "final notice", lambda t: t.replace("You can", "Final notice. You can")),
    (Rule.PRESSURE, "text line 5", "immediately", lambda t: t.replace("You can", "Immediately, you can")),
    (Rule.THREAT, "text line 5", "suspension", lambda t: t.replace("You can", "Or suspension. You can")),
    (Rule.RAW_CODE, "text line 5", "card_declined", lambda t: t.replace("You can", "card_declined. You can")),
    (
        Rule.ONE_LINK,
        "text line 5",
        "https://acme.example/x",
        lambda t: t.replace("You can", "https://acme.example/x You can"),
    ),
    (
        Rule.PORTAL_LINK,
        "text line 5",
        "https://billing.stripe.com/p/session/live_1",
        lambda t: t.replace("You can", "https://billing.stripe.com/p/session/live_1 You can"),
    ),
    (
        Rule.PORTAL_LINK,
        "text line 5",
        "https://invoice.stripe.com/i/acct_1/live_2",
        lambda t: t.replace("You can", "https://invoice.stripe.com/i/acct_1/live_2 You can"),
    ),
    (
        Rule.PORTAL_LINK,
        "text line 5",
        "invoice.stripe.com/i/acct_1/live_2",
        lambda t: t.replace("You can", "invoice.stripe.com/i/acct_1/live_2 You can"),
    ),
    (Rule.ONE_LINK, "text", "", lambda t: t.replace(LINK, "")),
    (Rule.INVOICE_NUMBER, "text", "", lambda t: t.replace("SAMPLE-1", "the last one")),
    (Rule.AMOUNT, "text", "", lambda t: t.replace("14,200.00", "14,000.00")),
    (Rule.DATE, "text", "", lambda t: t.replace("7 April 2026", "last week")),
    (Rule.GREETING, "text line 1", "Hello,", lambda t: t.replace("Hi Robin,", "Hello,")),
    (Rule.GREETING, "text line 1", "Hi Robina,", lambda t: t.replace("Hi Robin,", "Hi Robina,")),
    (Rule.GREETING, "text line 1", "Dear Sir, Robin", lambda t: t.replace("Hi Robin,", "Dear Sir, Robin")),
    (Rule.AMOUNT, "text line 5", "USD 1.00", lambda t: t.replace("You can", "Or pay USD 1.00. You can")),
    (Rule.AMOUNT, "text line 5", "1.00 USD", lambda t: t.replace("You can", "Or pay 1.00 USD. You can")),
    (Rule.AMOUNT, "text line 5", "usd 1", lambda t: t.replace("You can", "Or pay usd 1. You can")),
    (Rule.AMOUNT, "text line 5", "$1", lambda t: t.replace("You can", "Or pay $1. You can")),
    (Rule.AMOUNT, "text line 5", "5 dollars", lambda t: t.replace("You can", "Or pay 5 dollars. You can")),
    (
        Rule.AMOUNT,
        "text line 5",
        "EUR 14,200.00",
        lambda t: t.replace("You can", "So EUR 14,200.00. You can"),
    ),
    (Rule.MARKUP, "text line 5", "<script>", lambda t: t.replace("You can", "<script>x</script> You can")),
    (Rule.MARKUP, "text line 5", '<b class="x">', lambda t: t.replace("You can", '<b class="x">You</b> can')),
    (Rule.SIGNATURE, "text", "", lambda t: t.replace("Sample Sender", "The team")),
    (Rule.REPLIES, "text", "", lambda t: t.replace("reply", "wave")),
    (Rule.EXCLAMATION, "text line 1", "!", lambda t: t.replace("Hi Robin,", "Hi Robin!")),
    (Rule.LENGTH, "text", "205", lambda t: t.replace("You can", "and so on " * 40 + "You can")),
]


@pytest.mark.parametrize(("rule", "place", "found", "edit"), EDITED)
def test_an_edited_letter_that_breaks_a_rule_names_it_with_its_place(
    rule: Rule, place: str, found: str, edit: Callable[[str], str]
) -> None:
    letter = render_letter(built_in_wording(), 1, CONTEXT)

    breaches = check_letter_text(letter.subject, edit(letter.text), EXPECTED)

    assert (rule, place, found) in {(each.rule, each.place, each.found) for each in breaches}


@pytest.mark.parametrize(
    "edit",
    [
        lambda t: t.replace("You can", "It is $14,200.00, or 14,200.00 USD, for 3 seats. You can"),
        lambda t: t.replace("You can", "We asked for USD 14,200.00 7 days ago. You can"),
        lambda t: t.replace("Hi Robin,", "Good morning Robin,"),
        lambda t: t.replace("Hi Robin,", "Robin,"),
        lambda t: t.replace("You can", "2 < 3 and 4 > 3. You can"),
    ],
)
def test_an_edited_letter_may_say_the_same_in_its_own_words(edit: Callable[[str], str]) -> None:
    letter = render_letter(built_in_wording(), 1, CONTEXT)

    assert check_letter_text(letter.subject, edit(letter.text), EXPECTED) == ()


def test_a_letter_from_a_shared_mailbox_or_to_nobody_by_name_breaks_a_rule() -> None:
    letter = render_letter(built_in_wording(), 1, CONTEXT)
    shared = replace(EXPECTED, sender_email="billing@company.example")
    nobody = replace(EXPECTED, first_name="")

    assert {each.rule for each in check_letter_text(letter.subject, letter.text, shared)} == {
        Rule.SHARED_MAILBOX
    }
    assert {each.rule for each in check_letter_text(letter.subject, letter.text, nobody)} == {Rule.GREETING}


def test_a_message_of_a_stage_may_greet_without_a_name() -> None:
    bare = replace(EXPECTED, first_name="")

    assert Rule.GREETING not in rules(Stage.NOTICE, written(Stage.NOTICE), bare)


def test_letters_of_one_s_own_are_checked_like_the_built_in_ones() -> None:
    mine = load_wording({"letter2.txt.liquid": "{{ greeting }} pay {{ amount }} urgently"})

    found = {(name, breach.rule) for name, breach in check_wording(mine)}

    assert {name for name, _ in found} == {"letter2"}
    assert ("letter2", Rule.PRESSURE) in found
