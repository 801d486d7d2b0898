"""The words of the five messages and of personal letters: Liquid templates, compiled once.

Every stage has a subject, a text and an HTML body; the HTML bodies share one layout. A letter has a subject and a
text, because a person edits it before it leaves. All are rendered from a closed set of values. Templates may be
replaced one by one: what a policy does not bring comes from the built-in set (spec 1.1, 1.2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from liquid import BoundTemplate, Environment, Markup, StrictUndefined
from liquid.exceptions import LiquidError

from dunwell.policy.lists import word_set
from dunwell.policy.money import Money
from dunwell.policy.skeleton import Skeletons, is_simple, shape_of
from dunwell.policy.untrusted import first_name, one_line, tame, tame_sentence
from dunwell.policy.words import Rail, Stage

LAYOUT = "layout.html.liquid"
PARTS = ("subject", "txt", "html")
LETTERS = ("letter1", "letter2", "letter3")
LETTER_PARTS = ("subject", "txt")
FILES = (
    *(f"{stage}.{part}.liquid" for stage in Stage for part in PARTS),
    *(f"{letter}.{part}.liquid" for letter in LETTERS for part in LETTER_PARTS),
    LAYOUT,
)

# Nothing that reads a clock (`date`), switches escaping off (`safe`), loops, or loads other files.
_FILTERS = word_set(
    "append capitalize default downcase minus plus prepend remove replace size strip truncate upcase"
)
_TAGS = word_set("# assign capture case comment echo if unless")
_CONTENT = "{{ content }}"
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PAYMENTS = {Rail.CARD: "card payment", Rail.BANK_DEBIT: "bank debit"}


class WordingError(ValueError):
    """The templates cannot be used. `problems` names file, line and what is wrong, one sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class IncompleteContextError(ValueError):
    """A message was asked for without a value its stage has to carry."""


@lru_cache(maxsize=2048)
def written_date(day: date) -> str:
    """Write a date so that nobody can misread it: `7 April 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What a message may say.

    `failed_on` is None for an invoice that only passed its due date; one of `failed_on` and `due_on` is
    needed. Dates are local to the customer. `pay_by` is the answer-by date of an escalation. `link` is our
    own payment link. `bank_details`: its page
    shows them. `written_on` is when the last letter was sent. Customer name, contact name, invoice number and
    reason are not trusted.
    """

    customer_name: str
    invoice_number: str
    amount: Money
    link: str
    sender_name: str
    company_name: str
    reply_address: str
    contact_name: str | None = None
    failed_on: date | None = None
    due_on: date | None = None
    reason: str | None = None
    days_overdue: int | None = None
    pay_by: date | None = None
    sender_phone: str = ""
    rail: Rail = Rail.CARD
    bank_details: bool = True
    written_on: date | None = None

    def __post_init__(self) -> None:
        if self.failed_on is None and self.due_on is None:
            raise IncompleteContextError("a message names the date of the failure or the due date")

    def variables(self) -> dict[str, object]:
        """Return the variables a template may use; no others exist. Empty ones are None: Liquid takes "" as true."""
        name = first_name(self.contact_name)
        days = max(self.days_overdue or 0, 0)
        return {
            "amount": str(self.amount),
            "bank_details": self.bank_details,
            "company_name": one_line(self.company_name, 60),
            "customer_name": tame(self.customer_name) or None,
            "days_overdue": days,
            "days_overdue_words": "1 day" if days == 1 else f"{days} days",
            "due_on": written_date(self.due_on) if self.due_on else None,
            "failed": self.failed_on is not None,
            "failed_on": written_date(self.failed_on) if self.failed_on else None,
            "first_name": name,
            "greeting": f"Hi {name}," if name else "Hello,",
            "invoice_number": one_line(self.invoice_number, 60),
            "link": self.link,
            "pay_by": written_date(self.pay_by) if self.pay_by else None,
            "payment": _PAYMENTS.get(self.rail, "payment"),
            "rail": str(self.rail),
            "reason": tame_sentence(self.reason) if self.failed_on else None,
            "reply_address": one_line(self.reply_address, 254),
            "sender_name": one_line(self.sender_name, 60),
            "sender_phone": one_line(self.sender_phone, 40) or None,
            "written_on": written_date(self.written_on) if self.written_on else None,
        }


VARIABLES = frozenset(
    MessageContext("", "", Money(0, "USD"), "", "", "", "", due_on=date(2026, 1, 1)).variables()
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to send. `subject` is one line."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, eq=False)
class Wording:
    """A compiled set of templates. `files` maps every template name to its source, to pin in a policy."""

    files: Mapping[str, str]
    compiled: Mapping[tuple[str, str], BoundTemplate | Skeletons]


@lru_cache(maxsize=2)
def _environment(*, autoescape: bool) -> Environment:
    made = Environment(undefined=StrictUndefined, strict_filters=True, autoescape=autoescape)
    made.filters = {name: function for name, function in made.filters.items() if name in _FILTERS}
    kept = _TAGS | {"content", "output", "illegal", "statement"}
    made.tags = {name: tag for name, tag in made.tags.items() if name in kept}
    return made


def _needs(stage: Stage) -> tuple[str, ...]:
    if stage in (Stage.DIRECT, Stage.FINAL):
        return ("days_overdue", "pay_by")
    return ("pay_by",) if stage is Stage.ESCALATION else ()


def render(wording: Wording, stage: Stage, context: MessageContext) -> Rendered:
    """Write one message.

    `IncompleteContextError` when the stage must carry days overdue or a pay-by date and the context has none.
    """
    for name in _needs(stage):
        if getattr(context, name) is None:
            raise IncompleteContextError(f"a {stage} message has to carry {name}")
    subject, text, html = _filled(wording, stage, PARTS, context)
    return Rendered(one_line(subject.strip()), text.strip() + "\n", html.strip() + "\n")


def render_letter(wording: Wording, number: int, context: MessageContext) -> Rendered:
    """Write the draft of a personal letter, counted from 1; those after the third are worded like it.

    Its HTML is empty: what leaves is made from the text as a person edited it.
    """
    subject, text = _filled(wording, LETTERS[min(number, len(LETTERS)) - 1], LETTER_PARTS, context)
    return Rendered(one_line(subject.strip()), text.strip() + "\n", "")


def _filled(wording: Wording, name: str, parts: tuple[str, ...], context: MessageContext) -> list[str]:
    variables = context.variables()
    shape = shape_of(variables)
    written = []
    for part in parts:
        template = wording.compiled[name, part]
        if isinstance(template, Skeletons):
            written.append(template.fill(shape, variables))
        else:
            written.append(template.render(**variables))
    return written


def load_wording(files: Mapping[str, str]) -> Wording:
    """Compile templates, falling back to the built-in ones; `WordingError` names every problem found."""
    strangers = tuple(
        f"{name}: no such template; there are {', '.join(FILES)}" for name in sorted(set(files) - set(FILES))
    )
    if strangers:
        raise WordingError(strangers)
    sources = {**_built_in_files(), **files}
    problems = tuple(problem for name in FILES for problem in _problems(name, sources[name]))
    if problems:
        raise WordingError(problems)
    names = [(str(stage), part) for stage in Stage for part in PARTS]
    names += [(letter, part) for letter in LETTERS for part in LETTER_PARTS]
    compiled = {(name, part): _compiled(name, part, sources) for name, part in names}
    return Wording(MappingProxyType(sources), MappingProxyType(compiled))


@lru_cache(maxsize=1)
def built_in_wording() -> Wording:
    """Return the built-in English wording, compiled once."""
    return load_wording({})


@lru_cache(maxsize=1)
def _built_in_files() -> dict[str, str]:
    folder = resources.files("dunwell.policy") / "templates" / "en"
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}


def _compiled(of: str, part: str, sources: Mapping[str, str]) -> BoundTemplate | Skeletons:
    name = f"{of}.{part}.liquid"
    # The layout is laid around the body before compiling: inheriting it at render time is seven times slower.
    source = sources[LAYOUT].replace(_CONTENT, sources[name]) if part == "html" else sources[name]
    template = _environment(autoescape=part == "html").from_string(source, name=name)
    return Skeletons(template, escaped=part == "html") if is_simple(source) else template


def _problems(name: str, source: str) -> Iterator[str]:
    environment = _environment(autoescape=name.endswith(".html.liquid"))
    try:
        template = environment.from_string(source, name=name)
    except LiquidError as error:
        yield _said(name, source, error)
        return
    found = list(_unknown(name, template, source))
    yield from found
    if name == LAYOUT and source.count(_CONTENT) != 1:
        yield f"{name}: the layout has to hold {_CONTENT} exactly once"
    if not found:
        yield from _broken_samples(name, template, source)


def _unknown(name: str, template: BoundTemplate, source: str) -> Iterator[str]:
    seen = template.analyze()
    allowed = VARIABLES | ({"content"} if name == LAYOUT else frozenset())
    for variable, uses in seen.globals.items():
        if variable not in allowed:
            line, _ = uses[0].span.line_col(source)
            known = ", ".join(sorted(VARIABLES))
            yield f"{name} line {line}: unknown variable '{variable}'; there are {known}"
    for filter_name, spans in seen.filters.items():
        if filter_name not in _FILTERS:
            line, _ = spans[0].line_col(source)
            known = ", ".join(sorted(_FILTERS))
            yield f"{name} line {line}: unknown filter '{filter_name}'; there are {known}"


def _broken_samples(name: str, template: BoundTemplate, source: str) -> Iterator[str]:
    for context in sample_contexts():
        try:
            written = template.render(**context.variables(), content=Markup(""))
        except LiquidError as error:
            yield _said(name, source, error)
            return
        if not written.strip():
            yield f"{name}: renders to nothing"
            return


def _said(name: str, source: str, error: LiquidError) -> str:
    where = error.context()
    line = where[0] if where else max(len(source.splitlines()), 1)  # without a place: it ended too early
    return f"{name} line {line}: {error.message}"


def sample_contexts() -> tuple[MessageContext, ...]:
    """Return one sample context for every shape a message can take, to try templates on."""
    whole = MessageContext(
        customer_name="Sample Customer",
        invoice_number="SAMPLE-1",
        amount=Money(1_420_000, "USD"),
        link="https://pay.example/pay/sample",
        sender_name="Sample Sender",
        company_name="Sample Company",
        reply_address="sample.sender@company.example",
        contact_name="Robin Sample",
        failed_on=date(2026, 4, 7),
        due_on=date(2026, 4, 7),
        reason="The card on file has passed its expiry date.",
        days_overdue=7,
        pay_by=date(2026, 4, 17),
        sender_phone="+1 212 555 0100",
        written_on=date(2026, 4, 8),
    )
    bare = replace(whole, reason=None, contact_name=None, sender_phone="", customer_name="", written_on=None)
    return (
        whole,
        bare,
        replace(whole, rail=Rail.BANK_DEBIT, due_on=None, days_overdue=1),
        replace(whole, rail=Rail.OTHER, days_overdue=0),
        replace(whole, failed_on=None, rail=Rail.TRANSFER),
        replace(bare, failed_on=None, rail=Rail.TRANSFER),
    )
