import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.context import IncompleteContextError, MessageContext, sample_contexts, written_date
from dunwell.policy.money import Money
from dunwell.policy.skeleton import Skeletons, is_simple, shape_of
from dunwell.policy.wording import FILES, WordingError, built_in_wording, load_wording, render, render_letter
from dunwell.policy.words import Rail, Stage

FAILED = sample_contexts()[0]
UNPAID = replace(FAILED, failed_on=None, rail=Rail.TRANSFER)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links.extend(value for name, value in attrs if name in ("href", "src"))


def _html_links(source: str) -> list[str | None]:
    reader = _Links()
    reader.feed(source)
    return reader.links


def test_the_notice_says_what_failed_and_that_the_charge_is_retried_by_itself() -> None:
    written = render(built_in_wording(), Stage.NOTICE, FAILED)
    assert written.subject == "Payment of USD 14,200.00 for invoice SAMPLE-1 did not go through"
    assert written.text == (
        "Hi Robin,\n\n"
        "The card payment of USD 14,200.00 for invoice SAMPLE-1 (Sample Customer) did not go through on 7 April 2026."
        " The card on file has passed its expiry date.\n\n"
        "You can update your payment details here:\n\n"
        "https://pay.example/pay/sample\n\n"
        "Once they are updated, the charge is retried automatically. There is nothing else for you to do.\n\n"
        "If something looks wrong, just reply to this mail; it reaches me.\n\n"
        "Sample Sender\nSample Company\n+1 212 555 0100\n"
    )


def test_an_unpaid_invoice_without_a_failed_charge_is_not_called_a_failed_payment() -> None:
    for stage in Stage:
        written = render(built_in_wording(), stage, UNPAID)
        for part in (written.subject, written.text, written.html):
            assert "did not go through" not in part
            assert "retry" not in part
            assert "expiry" not in part
        assert "7 April 2026" in written.text


def test_direct_and_final_carry_days_overdue_and_the_date_to_pay_by() -> None:
    for stage in (Stage.DIRECT, Stage.FINAL):
        written = render(built_in_wording(), stage, FAILED)
        assert "is now 7 days overdue." in written.text
        assert "Please pay by 17 April 2026:" in written.text


def test_one_day_is_not_written_as_days() -> None:
    assert (
        "is now 1 day overdue."
        in render(built_in_wording(), Stage.DIRECT, replace(FAILED, days_overdue=1)).text
    )


def test_an_invoice_that_is_not_due_yet_is_not_called_overdue() -> None:
    written = render(built_in_wording(), Stage.DIRECT, replace(FAILED, days_overdue=0))
    assert "overdue" not in written.subject + written.text + written.html


def test_a_missing_telephone_leaves_no_gap() -> None:
    written = render(built_in_wording(), Stage.ESCALATION, replace(FAILED, sender_phone=""))
    assert "call" not in written.text
    assert written.text.endswith("\nSample Sender\nSample Company\n")


@pytest.mark.parametrize("contact", [None, "null", "Accounts Payable"])
def test_without_a_name_the_greeting_is_polite_and_nameless(contact: str | None) -> None:
    for stage in Stage:
        written = render(built_in_wording(), stage, replace(FAILED, contact_name=contact))
        assert written.text.startswith("Hello,\n\n")
        assert "<p>Hello,</p>" in written.html
        assert "null" not in written.text


def test_every_message_stays_under_120_words_with_the_longest_names() -> None:
    widest = replace(
        FAILED,
        customer_name="a b " * 30,
        reason="a b c " * 40,
        sender_name="Anna Maria Sample",
        company_name="The Company Ltd",
    )
    for stage in Stage:
        assert len(render(built_in_wording(), stage, FAILED).text.split()) < 105
    assert (
        len(render(built_in_wording(), Stage.NOTICE, replace(widest, reason=FAILED.reason)).text.split())
        < 120
    )


def test_text_and_html_of_every_message_say_the_same_words() -> None:
    for stage in Stage:
        for context in sample_contexts():
            written = render(built_in_wording(), stage, context)
            body = re.sub(r"<title>.*?</title>|<a .*?</a>", "", written.html, flags=re.DOTALL)
            shown = " ".join(re.sub(r"<[^>]*>", " ", body).split())
            assert shown == " ".join(written.text.replace(context.link, "").split())


HOSTILE = [
    "visit http://evil.example",
    "www.evil.example",
    "evil.example",
    "<a href='http://evil.example'>x</a>",
    '"><script>alert(1)</script>',
    "Acme\r\nBcc: all@evil.example",
    "Acme\nhttps://pay.example/pay/sample",
    "{{ link }}{% raw %}",
    "&lt;script&gt;",
    "mailto:x@evil.example",
    "\ue000link\ue001",
    "\x00\x1b[31m\u202e",
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("stage", list(Stage))
def test_a_hostile_value_makes_no_second_link_no_markup_and_no_header(stage: Stage, hostile: str) -> None:
    context = replace(FAILED, customer_name=hostile, contact_name=hostile, reason=hostile)
    written = render(built_in_wording(), stage, context)
    assert re.findall(r"\w+://\S+|www\.\S+|evil\.example", written.text) == [FAILED.link]
    assert _html_links(written.html) == [FAILED.link]
    assert re.findall(r"\w+://[^\s\"<]+|www\.\S+|evil\.example", written.html) == [FAILED.link]
    assert "<script" not in written.html
    assert written.subject.splitlines() == [written.subject]
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ue000]|[{]{2}|[{]%", written.text)


def test_markup_in_a_hostile_invoice_number_is_escaped() -> None:
    written = render(built_in_wording(), Stage.NOTICE, replace(FAILED, invoice_number="<b>&\n1"))
    assert "&lt;b&gt;&amp; 1" in written.html
    assert "<b>" not in written.html
    assert written.subject == "Payment of USD 14,200.00 for invoice <b>& 1 did not go through"


def test_a_stage_that_must_carry_a_value_refuses_to_render_without_it() -> None:
    with pytest.raises(IncompleteContextError, match="pay_by"):
        render(built_in_wording(), Stage.ESCALATION, replace(FAILED, pay_by=None))
    with pytest.raises(IncompleteContextError, match="days_overdue"):
        render(built_in_wording(), Stage.FINAL, replace(FAILED, days_overdue=None))
    with pytest.raises(IncompleteContextError, match="date"):
        replace(FAILED, failed_on=None, due_on=None)


def test_a_replaced_file_is_used_and_the_rest_stays_built_in() -> None:
    wording = load_wording({"notice.subject.liquid": "Your payment of {{ amount }}"})
    assert render(wording, Stage.NOTICE, FAILED).subject == "Your payment of USD 14,200.00"
    assert wording.files["notice.subject.liquid"] == "Your payment of {{ amount }}"
    assert wording.files["final.txt.liquid"] == built_in_wording().files["final.txt.liquid"]
    assert set(wording.files) == set(FILES)


def test_pinned_files_give_the_same_words_again() -> None:
    pinned = dict(built_in_wording().files)
    assert render(load_wording(pinned), Stage.FINAL, FAILED) == render(
        built_in_wording(), Stage.FINAL, FAILED
    )


@pytest.mark.parametrize(
    ("name", "source", "problem"),
    [
        (
            "notice.txt.liquid",
            "Hi\n{{ custmer_name }}",
            "notice.txt.liquid line 2: unknown variable 'custmer_name'; there are",
        ),
        (
            "notice.txt.liquid",
            "{% if reason == nil %}\n{{ nope }}{% endif %}",
            "line 2: unknown variable 'nope'",
        ),
        (
            "final.html.liquid",
            "a\n\n{{ amount | shout }}",
            "final.html.liquid line 3: unknown filter 'shout'; there are",
        ),
        ("final.html.liquid", "{{ customer_name | safe }}", "line 1: unknown filter 'safe'"),
        ("direct.txt.liquid", "{{ 'now' | date: '%Y' }}", "line 1: unknown filter 'date'"),
        ("direct.txt.liquid", "one\n{% if failed %}two", "direct.txt.liquid line "),
        ("direct.txt.liquid", "{{ amount", "direct.txt.liquid"),
        ("direct.txt.liquid", "{% for x in amount %}{% endfor %}", "line 1:"),
        ("direct.txt.liquid", "{% include 'x' %}", "line 1:"),
        ("direct.txt.liquid", "{{ amount.currency.name }}", "line 1:"),
        ("notice.subject.liquid", "{% if reason %}Hi{% endif %}", "renders to nothing"),
        ("layout.html.liquid", "<p></p>", "has to hold {{ content }} exactly once"),
        ("notice.tex.liquid", "Hi", "notice.tex.liquid: no such template"),
    ],
)
def test_a_broken_template_is_refused_with_file_line_and_reason(name: str, source: str, problem: str) -> None:
    with pytest.raises(WordingError) as refused:
        load_wording({name: source})
    assert len(refused.value.problems) == 1
    assert problem in refused.value.problems[0]
    assert refused.value.problems[0].startswith(name)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(WordingError) as refused:
        load_wording({"notice.txt.liquid": "{{ a }} {{ b }}", "final.txt.liquid": "{{ c }}"})
    assert len(refused.value.problems) == 3


def test_a_captured_hostile_value_is_still_escaped() -> None:
    source = "{% capture x %}<i>{{ sender_name }}</i>{% endcapture %}{{ x | append: sender_name }}"
    wording = load_wording({"notice.html.liquid": source})
    context = replace(FAILED, sender_name="<b>Eve</b>")
    assert not isinstance(wording.compiled[Stage.NOTICE, "html"], Skeletons)
    assert "<b>" not in render(wording, Stage.NOTICE, context).html


def test_the_built_in_templates_are_all_laid_out_once_per_shape() -> None:
    assert {type(template) for template in built_in_wording().compiled.values()} == {Skeletons}


@pytest.mark.parametrize(
    ("source", "simple"),
    [
        ("{{ amount }}{% if reason and failed %}x{% elsif rail == 'card' %}y{% else %}z{% endif %}", True),
        ("{%- if days_overdue > 0 -%}{{ days_overdue_words }}{%- endif -%}", True),
        ("{{ days_overdue }}", False),
        ("{% if days_overdue > 3 %}x{% endif %}", False),
        ("{{ amount | upcase }}", False),
        ("{% if customer_name == 'Acme' %}x{% endif %}", False),
        ("{% assign x = amount %}", False),
    ],
)
def test_only_templates_that_print_and_ask_count_as_simple(source: str, simple: bool) -> None:  # noqa: FBT001
    assert is_simple(source) is simple


_names = st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["Dana Reyes", "A & B <c>", "null"]))
_contexts = st.builds(
    MessageContext,
    customer_name=st.one_of(st.text(max_size=30), st.just("A & B")),
    invoice_number=st.text(max_size=20),
    amount=st.builds(Money, st.integers(1, 10**9), st.sampled_from(["USD", "JPY", "KWD"])),
    link=st.sampled_from(["https://pay.example/a?b=1&c=2", "https://pay.example/x"]),
    sender_name=st.text(min_size=1, max_size=20),
    company_name=st.sampled_from(["C & Co", "Company"]),
    reply_address=st.just("a@b.example"),
    contact_name=_names,
    failed_on=st.one_of(st.none(), st.dates()),
    due_on=st.dates(),
    reason=_names,
    days_overdue=st.integers(-5, 40),
    pay_by=st.dates(),
    sender_phone=st.sampled_from(["", "+1 212 555 0100"]),
    rail=st.sampled_from(Rail),
)


@given(_contexts, st.sampled_from(Stage))
def test_the_fast_way_and_liquid_write_the_same(context: MessageContext, stage: Stage) -> None:
    variables = context.variables()
    for part in ("subject", "txt", "html"):
        skeletons = built_in_wording().compiled[stage, part]
        assert isinstance(skeletons, Skeletons)
        assert skeletons.fill(shape_of(variables), variables) == skeletons.template.render(**variables)


def test_a_date_is_written_so_that_nobody_misreads_it() -> None:
    assert written_date(date(2026, 4, 7)) == "7 April 2026"
    assert written_date(date(2027, 12, 31)) == "31 December 2027"


def test_the_first_letter_says_what_was_noticed_and_offers_a_call() -> None:
    letter = render_letter(built_in_wording(), 1, FAILED)

    assert letter.subject == "The payment for invoice SAMPLE-1 did not go through"
    assert letter.html == ""
    assert letter.text == (
        "Hi Robin,\n\n"
        "We noticed that the card payment of USD 14,200.00 for invoice SAMPLE-1 (Sample Customer) did not go through "
        "on 7 April 2026. The card on file has passed its expiry date.\n\n"
        "You can update the payment details here:\n\n"
        "https://pay.example/pay/sample\n\n"
        "If something has changed at your end, I am glad to talk it through in a short call. Just reply with a "
        "time that suits you, or ring me on +1 212 555 0100; your reply reaches me.\n\n"
        "Best regards,\nSample Sender\nSample Company\n"
    )


def test_later_letters_refer_to_the_one_before_and_those_after_the_third_are_worded_like_it() -> None:
    texts = [render_letter(built_in_wording(), number, FAILED).text for number in (1, 2, 3, 4)]

    assert ["8 April 2026" in text for text in texts] == [False, True, True, True]
    assert texts[3] == texts[2]
    assert len(set(texts)) == 3


def test_letters_about_an_invoice_that_was_never_charged_speak_of_no_failed_payment() -> None:
    for number in (1, 2, 3):
        letter = render_letter(built_in_wording(), number, UNPAID)
        assert "did not go through" not in letter.subject + letter.text
        assert "was due on 7 April 2026" in letter.text


def test_letters_stay_under_120_words_with_the_longest_sentences() -> None:
    wide = replace(FAILED, customer_name="The Customer With A Name", reason="a b c d " * 5)

    for number in (1, 2, 3):
        assert len(render_letter(built_in_wording(), number, wide).text.split()) < 120
