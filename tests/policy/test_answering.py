"""What a person may write back, and the headers of an answer (spec 7, RFC 5322)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.answering import (
    LONGEST_TEXT,
    answer_subject,
    holds_a_card_number,
    thread,
    why_not_from,
    why_not_written,
)
from dunwell.policy.facts import Person


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Payment for INV-1", "Re: Payment for INV-1"),
        ("Re: Payment for INV-1", "Re: Payment for INV-1"),
        ("AW: Re: RE[2]: Payment", "Re: Payment"),
        ("Fwd: WG: Rép : Facture", "Re: Facture"),
        ("", "Re: your mail"),
        ("Re:", "Re: your mail"),
        ("Reading list", "Re: Reading list"),
        ("a\r\nBcc: everybody@example.com", "Re: a Bcc: everybody@example.com"),
        ("x" * 600, "Re: " + "x" * 195 + "…"),
    ],
)
def test_a_subject_is_answered_with_one_re_on_one_line(subject: str, answer: str) -> None:
    assert answer_subject(subject) == answer


@given(st.text(max_size=300))
def test_an_answer_to_an_answer_has_the_same_subject(subject: str) -> None:
    once = answer_subject(subject)

    assert answer_subject(once) == once
    assert once.isprintable()
    assert len(once) <= 200


@pytest.mark.parametrize(
    "text",
    ["4242 4242 4242 4242", "My card: 4000-0566-5566-5556, thanks", "378282246310005", "(4242424242424242)."],
)
def test_what_looks_like_a_card_number_is_found(text: str) -> None:
    assert holds_a_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "INV-2026-04-1198",
        "4242 4242 4242 4243",
        "0000000000000000",
        "DE89 3704 0044 0532 0130 00",
        "DE89 4242 4242 4242 4242 00",
        "GB33BUKB4242424242424242",
        "+49 89 1234567",
        "42424242424242424242424242",
        "",
    ],
)
def test_other_numbers_are_not_taken_for_one(text: str) -> None:
    assert not holds_a_card_number(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Write the answer first."),
        (" \n ", "Write the answer first."),
        ("x" * (LONGEST_TEXT + 1), "The text is longer than 10,000 characters."),
        ("It is 4242 4242 4242 4242.", "It holds what looks like a card number. Never send one by mail."),
        ("Thank you, Dana.", None),
    ],
)
def test_a_text_that_cannot_be_sent_says_why(text: str, problem: str | None) -> None:
    assert why_not_written(text) == problem


@pytest.mark.parametrize(
    ("who", "problem"),
    [
        (None, "You cannot log in any more."),
        (Person("", "ana@dunwell.example"), "no full name to sign with"),
        (Person("Ana Sample", ""), "no e-mail address to write from"),
        (Person("Ana Sample", "ana"), "no e-mail address to write from"),
        (Person("Ana Sample", "billing@dunwell.example"), "billing@dunwell.example is a shared mailbox"),
    ],
)
def test_only_a_person_with_a_name_and_an_address_of_their_own_answers(
    who: Person | None, problem: str
) -> None:
    assert problem in str(why_not_from(who))


def test_a_thread_names_the_mail_it_answers_last_and_nothing_twice() -> None:
    assert thread(["<a@x>", "<b@x>", "<a@x>"], "<c@x>") == ("<b@x>", "<a@x>", "<c@x>")
    assert thread(["<a@x>"], "<a@x>") == ("<a@x>",)
    assert thread(["no id", "<a b@x>", "<a@x>\r\nBcc: y"], "") == ()


def test_a_long_thread_keeps_its_beginning_and_its_end() -> None:
    found = thread([f"<{number}@x>" for number in range(100)], "<last@x>")

    assert (len(found), found[0], found[1], found[-1]) == (20, "<0@x>", "<82@x>", "<last@x>")
