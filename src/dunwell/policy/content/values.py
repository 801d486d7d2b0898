"""Rules about facts: number, amount, dates, sender, signature, length, and what a stage has to say."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from dunwell.policy.content.lexicon import (
    DUTIES,
    NOT_A_PERSON,
    REPLIES_DO_NOT,
    REPLIES_REACH,
    SHARED_ALONE,
    SHARED_ANYWHERE,
)
from dunwell.policy.content.message import Breach, Message, Rule
from dunwell.policy.content.readable import Readable, folded
from dunwell.policy.context import days_in_words
from dunwell.policy.money import currencies
from dunwell.policy.words import Stage


def one_subject_line(m: Message) -> Iterator[Breach]:
    """The subject is one line and not empty."""
    lines = m.source.subject.splitlines()
    if not m.source.subject.strip():
        yield Breach(Rule.SUBJECT, "subject", "", "the subject is empty")
    elif len(lines) > 1:
        yield Breach(Rule.SUBJECT, "subject", lines[1], "the subject has to be one line")


# What may stand before the name, folded; nothing else, so that `Dear Sir, Iris` greets nobody.
_GREETINGS = (
    r"(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|liebe[rs]?|guten (?:tag|morgen|abend)"
    r"|bonjour|bonsoir|chere?|hola|estimad[ao]|querid[ao]|buen[oa]s (?:dias|tardes|noches)),? +)?"
)


def greets_by_first_name(m: Message) -> Iterator[Breach]:
    """A personal mail begins with a greeting and the contact's first name."""
    if m.stage is not None:
        return
    name = folded(m.expected.first_name)
    number, line = next(((number, line) for number, line in m.text.lines if line.strip()), (1, ""))
    if not name:
        yield Breach(Rule.GREETING, "text", "", "the contact has no first name to greet by")
    elif not re.match(rf"(?:{_GREETINGS}){re.escape(name)}(?!\w)", folded(line).strip()):
        said = f"begin with a greeting by first name: {m.expected.first_name}"
        yield Breach(Rule.GREETING, m.text.place(number), line.strip(), said)


def carries_values(m: Message) -> Iterator[Breach]:
    """Number, amount and dates stand in every body."""
    expected = m.expected
    wanted = [(Rule.AMOUNT, expected.amount, "the exact open amount with its currency")]
    if not expected.invoices:
        day = "the date of the failed payment" if expected.failed else "the due date"
        wanted.insert(0, (Rule.INVOICE_NUMBER, expected.invoice_number, "the invoice number"))
        wanted.append((Rule.DATE, expected.date, day))
    if m.stage in (Stage.DIRECT, Stage.FINAL, Stage.ESCALATION) and expected.pay_by:
        wanted.append((Rule.MUST_SAY, expected.pay_by, "the date to pay or answer by"))
    if m.stage in (Stage.DIRECT, Stage.FINAL) and expected.days_overdue and expected.days_overdue > 0:
        days = days_in_words(expected.days_overdue)
        wanted.append((Rule.MUST_SAY, days, "the days overdue"))
    if m.stage is Stage.ESCALATION:
        wanted.append((Rule.MUST_SAY, expected.reply_address or expected.sender_email, "the reply address"))
        if expected.sender_phone:
            wanted.append((Rule.MUST_SAY, expected.sender_phone, "the telephone number"))
    for part in m.bodies:
        for rule, value, what in wanted:
            if not value or not _stands(value, part.flat):
                yield Breach(rule, part.part, "", f"{what} is missing: {value or 'not known'}")


def each_invoice_in_full(m: Message) -> Iterator[Breach]:
    """Each of several invoices has a line with its own number, amount and date, and no other sum is named.

    Their sum stands in a body once. A mail about one invoice has nothing to list.
    """
    if not m.listed:
        return
    total = " ".join(m.expected.amount.split())
    known = {total, *(str(each.amount) for each in m.listed)}
    for part in m.bodies:
        lines = [" ".join(line.split()) for _, line in part.lines]
        for each in m.listed:
            values = [each.invoice_number, str(each.amount), each.day]
            values += [days_in_words(each.days_overdue)] if each.days_overdue else []
            if not any(all(_stands(value, line) for value in values) for line in lines):
                said = f"no line has {', '.join(values)}"
                yield Breach(Rule.INVOICE_NUMBER, part.part, each.invoice_number, said)
        for found in sorted(_amounts(part, m, total[:3]) - known):
            yield Breach(Rule.AMOUNT, part.place(), found, "the mail names another sum")
        if sum(line.count(total) for line in lines) > 1:
            yield Breach(Rule.AMOUNT, part.place(), total, "the sum stands in the mail once")


def _stands(value: str, flat: str) -> bool:
    wanted = re.escape(" ".join(value.split()))
    return re.search(rf"(?<![\w.,-]){wanted}(?![\w-]|[.,/]\w)", flat) is not None


_AMOUNT = re.compile(r"(?:\b[A-Z]{3}|[$\u20ac\u00a3\u00a5])\s?\d(?:[\d,.'\u2019 ]*\d)?")


def one_amount(m: Message) -> Iterator[Breach]:
    """The subject names no other amount; text and HTML name the same ones."""
    expected = " ".join(m.expected.amount.split())
    currency = expected[:3]
    for found in _amounts(m.subject, m, currency):
        if found != expected:
            yield Breach(Rule.AMOUNT, "subject", found, f"the subject names an amount that is not {expected}")
    if m.html is not None:
        text, html = _amounts(m.text, m, currency), _amounts(m.html, m, currency)
        for found in sorted(text ^ html):
            place = m.text.place() if found in text else m.html.place()
            yield Breach(Rule.SAME_IN_BOTH, place, found, "text and HTML have to name the same amounts")


_NUMBER = r"\d(?:[\d,.'\u2019 ]*\d)?"
_SIGNS = "[$\u20ac\u00a3\u00a5]"


def no_other_amount(m: Message) -> Iterator[Breach]:
    """The text of a personal mail names no sum of money but the open one, however it is written."""
    if m.stage is not None:
        return
    expected = " ".join(m.expected.amount.split())
    currency, _, number = expected.partition(" ")
    text = m.unnamed[1]
    for hit in _sums_in(currency).finditer(text.whole):
        unit, named = (hit["unit"] or hit["named"]), " ".join((hit["number"] or hit["amount"]).split())
        foreign = unit.isalpha() and unit.isupper() and unit != currency
        if not foreign and (named == number or named.startswith(f"{number} ")):
            continue
        found = " ".join(hit.group().split())
        yield Breach(Rule.AMOUNT, text.place_of(hit.start()), found, f"the mail is about {expected} alone")


@lru_cache(maxsize=64)
def _sums_in(currency: str) -> re.Pattern[str]:
    codes = rf"(?i:\b{re.escape(currency)})|\b(?:{'|'.join(sorted(currencies()))})"
    before = rf"(?P<unit>{codes}|{_SIGNS})\s?(?P<number>{_NUMBER})"
    after = rf"(?<![\w.,])(?P<amount>{_NUMBER})\s?(?P<named>(?:{codes})\b|{_SIGNS}|{_NAMED})(?!\s?\d)"
    return re.compile(f"{before}|{after}")


_NAMED = r"(?i:(?:us )?dollars?|euros?|pounds?|cents?|yen|francs?)\b"
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>|<!--|</?(?:script|style|iframe|img)\b")


def no_markup(m: Message) -> Iterator[Breach]:
    """Plain text has no HTML tags in it: they reach the reader as they stand."""
    for part in m.unnamed[:2]:
        for hit in _TAG.finditer(part.whole):
            said = "plain text: a tag would be shown as it stands"
            yield Breach(Rule.MARKUP, part.place_of(hit.start()), hit.group()[:40], said)


def _amounts(part: Readable, m: Message, currency: str) -> set[str]:
    # The token of the payment link is random, and may look like any sum.
    words = part.flat.replace(m.expected.link, " ")
    found = (" ".join(hit.group().split()) for hit in _AMOUNT.finditer(words))
    return {amount for amount in found if amount.startswith(currency) or not amount[0].isalpha()}


def from_a_person(m: Message) -> Iterator[Breach]:
    """From is a person with a name, not a shared mailbox."""
    name, company = m.expected.sender_name.strip(), m.expected.company_name.strip()
    words = set(re.findall(r"[^\W\d_]+", folded(name)))
    if not words or "@" in name or words & NOT_A_PERSON or (company and folded(name) == folded(company)):
        yield Breach(Rule.PERSON, "from", name, "From has to carry a person's name")
    if is_shared_mailbox(m.expected.sender_email):
        yield Breach(
            Rule.SHARED_MAILBOX,
            "from",
            m.expected.sender_email,
            "a shared mailbox may not send: use a person's",
        )


def is_shared_mailbox(address: str) -> bool:
    """Say whether an address is one that many people read, such as billing@ or no-reply@."""
    local = folded(address).partition("@")[0].partition("+")[0]
    pieces = {piece.strip("0123456789") for piece in re.split(r"[._-]", local)}
    joined = "".join(char for char in local if char.isalpha())
    return not local or bool(pieces & SHARED_ANYWHERE) or joined in SHARED_ANYWHERE | SHARED_ALONE


def signed(m: Message) -> Iterator[Breach]:
    """The sender's name stands at the end."""
    name = " ".join(m.expected.sender_name.split())
    for part in m.bodies:
        end = [line for _, line in part.lines if line.strip()][-8:]
        if not name or name not in " ".join(" ".join(end).split()):
            yield Breach(
                Rule.SIGNATURE,
                part.part,
                "",
                f"the signature of {name or 'a person'} is missing at the end",
            )


def replies_reach_a_person(m: Message) -> Iterator[Breach]:
    """The message says that a reply reaches a person."""
    for part in m.bodies:
        flat = part.folded
        refused = REPLIES_DO_NOT.search(flat)
        if refused:
            yield Breach(Rule.REPLIES, part.part, refused.group(), "a reply has to reach a person")
        elif not REPLIES_REACH.search(flat):
            yield Breach(Rule.REPLIES, part.part, "", "say that a reply reaches a person")


def says_what_the_stage_has_to(m: Message) -> Iterator[Breach]:
    """The stage says what it has to."""
    for duty in DUTIES[m.stage] if m.stage else ():
        if duty.failed_only and not m.expected.failed:
            continue
        for part in m.bodies:
            if not duty.pattern.search(part.folded):
                yield Breach(Rule.MUST_SAY, part.part, "", f"a {m.stage} message has to say {duty.says}")


def nobody_on_cc(m: Message) -> Iterator[Breach]:
    """The first message goes to the customer alone."""
    if m.stage is Stage.NOTICE:
        for address in m.expected.cc:
            yield Breach(Rule.CC, "cc", address, "nobody is on cc when the customer hears of it first")


def short_enough(m: Message) -> Iterator[Breach]:
    """The text stays under the policy's word limit, not counting a list of invoices."""
    count = len(m.source.text.split()) - sum(len(each.line.split()) for each in m.listed)
    if count >= m.expected.max_words:
        said = f"{count} words; a message stays under {m.expected.max_words}"
        yield Breach(Rule.LENGTH, "text", str(count), said)


_MARKER = re.compile(r"\{\{[^\n]{0,40}|\{%[^\n]{0,40}|%\}|\}\}")


def no_markers(m: Message) -> Iterator[Breach]:
    """No template marker was left over."""
    sources: Iterable[tuple[Readable, str]] = (
        (m.subject, m.source.subject),
        (m.text, m.source.text),
        *(((m.html, m.source.html),) if m.html else ()),
    )
    for part, source in sources:
        for number, line in enumerate(source.splitlines(), start=1):
            hit = _MARKER.search(line)
            if hit:
                yield Breach(
                    Rule.MARKER, part.place(number), hit.group(), "a template marker was left in the message"
                )
