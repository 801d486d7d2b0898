"""The content rules every message has to pass, whoever wrote it (spec 1.1, 1.2 step 4).

The checker takes plain values, so it runs on what templates rendered and on text a person edited. It says
which rule was broken, where, by what, and what to do about it.
"""

from dataclasses import replace

from dunwell.policy.content.language import no_exclamation, no_forbidden_words, no_raw_codes
from dunwell.policy.content.links import one_link_in_html, one_link_in_text
from dunwell.policy.content.message import Breach, ContentExpectation, Message, Rule
from dunwell.policy.content.values import (
    carries_values,
    each_invoice_in_full,
    from_a_person,
    greets_by_first_name,
    no_markers,
    no_markup,
    no_other_amount,
    nobody_on_cc,
    one_amount,
    one_subject_line,
    replies_reach_a_person,
    says_what_the_stage_has_to,
    short_enough,
    signed,
)
from dunwell.policy.context import MessageContext, sample_contexts, several_contexts, written_date
from dunwell.policy.untrusted import first_name
from dunwell.policy.wording import LETTERS, SEVERAL, Rendered, Wording, render, render_letter
from dunwell.policy.words import Stage, Track

__all__ = [
    "Breach",
    "ContentExpectation",
    "Rule",
    "check_content",
    "check_letter_text",
    "check_wording",
    "expectation_of",
]

_RULES = (
    one_subject_line,
    greets_by_first_name,
    carries_values,
    each_invoice_in_full,
    one_amount,
    no_other_amount,
    one_link_in_text,
    one_link_in_html,
    from_a_person,
    signed,
    replies_reach_a_person,
    no_forbidden_words,
    no_exclamation,
    no_raw_codes,
    says_what_the_stage_has_to,
    nobody_on_cc,
    short_enough,
    no_markers,
    no_markup,
)


def check_content(
    stage: Stage | None, message: Rendered, expectation: ContentExpectation
) -> tuple[Breach, ...]:
    """Return every broken rule, in reading order of the rules; empty means the message may go out.

    An empty `html` is a text-only mail. `stage` may be None on the personal track only, whose rules do not
    depend on it; `ValueError` otherwise.
    """
    if stage is None and expectation.track is not Track.PERSONAL:
        raise ValueError("a message of the standard track has a stage")
    whole = Message(stage, message, expectation)
    return tuple(dict.fromkeys(breach for rule in _RULES for breach in rule(whole)))


def check_letter_text(subject: str, text: str, expectation: ContentExpectation) -> tuple[Breach, ...]:
    """Hold the text of a personal mail, as a person edited it, to the rules of the personal track (spec 1.2, step 4).

    Every breach names its rule, the place and what was found there; empty means that it may go out.
    """
    return check_content(None, Rendered(subject, text, ""), replace(expectation, track=Track.PERSONAL))


def expectation_of(
    context: MessageContext,
    *,
    sender_email: str,
    cc: tuple[str, ...] = (),
    max_words: int = 120,
    track: Track = Track.STANDARD,
) -> ContentExpectation:
    """Say what a message written from `context` has to carry."""
    day = context.failed_on or context.due_on
    return ContentExpectation(
        invoice_number=context.invoice_number,
        amount=str(context.amount),
        date=written_date(day) if day else "",
        link=context.link,
        sender_name=context.sender_name,
        sender_email=sender_email,
        cc=cc,
        max_words=max_words,
        track=track,
        failed=any(context.failures),
        days_overdue=context.days_overdue,
        pay_by=written_date(context.pay_by) if context.pay_by else None,
        sender_phone=context.sender_phone,
        reply_address=context.reply_address,
        company_name=context.company_name,
        names=tuple(name for name in (context.customer_name, context.contact_name) if name),
        first_name=first_name(context.contact_name) or "",
        invoices=context.invoices,
    )


def check_wording(wording: Wording, max_words: int = 120) -> tuple[tuple[str, Breach], ...]:
    """Run every stage, every mail about several invoices and every letter of a wording on samples through its rules.

    Returns (stage or letter, breach) pairs. Nobody without a first name gets a letter.
    """
    found: dict[tuple[str, Breach], None] = {}
    samples = [(str(stage), stage, sample) for stage in Stage for sample in sample_contexts()]
    samples += [(f"several.{stage}", stage, sample) for stage in SEVERAL for sample in several_contexts()]
    for name, stage, context in samples:
        expected = expectation_of(context, sender_email=context.reply_address, max_words=max_words)
        for breach in check_content(stage, render(wording, stage, context), expected):
            found[name, breach] = None
    for number, name in enumerate(LETTERS, start=1):
        for context in sample_contexts():
            expected = expectation_of(context, sender_email=context.reply_address, max_words=max_words)
            if not expected.first_name:
                continue
            letter = render_letter(wording, number, context)
            for breach in check_letter_text(letter.subject, letter.text, expected):
                found[name, breach] = None
    return tuple(found)
