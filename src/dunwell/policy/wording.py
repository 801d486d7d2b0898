"""The words of the five messages and of personal letters: Liquid templates, compiled once.

Every stage has a subject, a text and an HTML body; the HTML bodies share one layout. So has a mail about several
invoices in each tone it may take. A letter has a subject and a text, because a person edits it before it leaves.
All are rendered from a closed set of values. Templates may be
replaced one by one: what a policy does not bring comes from the built-in set (spec 1.1, 1.2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from liquid import BoundTemplate, Environment, Markup, StrictUndefined
from liquid.exceptions import LiquidError

from dunwell.policy.context import (
    VARIABLES,
    IncompleteContextError,
    MessageContext,
    as_listed,
    sample_contexts,
    several_contexts,
)
from dunwell.policy.lists import word_set
from dunwell.policy.skeleton import Skeletons, is_simple, shape_of
from dunwell.policy.untrusted import one_line
from dunwell.policy.words import Stage

LAYOUT = "layout.html.liquid"
PARTS = ("subject", "txt", "html")
LETTERS = ("letter1", "letter2", "letter3")
LETTER_PARTS = ("subject", "txt")
# The tones that a mail about several invoices may take.
SEVERAL = (Stage.NOTICE, Stage.REMINDER, Stage.DIRECT)
FILES = (
    *(f"{stage}.{part}.liquid" for stage in Stage for part in PARTS),
    *(f"several.{stage}.{part}.liquid" for stage in SEVERAL for part in PARTS),
    *(f"{letter}.{part}.liquid" for letter in LETTERS for part in LETTER_PARTS),
    LAYOUT,
)

# Nothing that reads a clock (`date`), switches escaping off (`safe`), loops, or loads other files.
_FILTERS = word_set(
    "append capitalize default downcase minus plus prepend remove replace size strip truncate upcase"
)
_TAGS = word_set("# assign capture case comment echo if unless")
_CONTENT = "{{ content }}"


class WordingError(ValueError):
    """The templates cannot be used. `problems` names file, line and what is wrong, one sentence each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


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
    if context.invoices and stage not in SEVERAL:
        raise IncompleteContextError(f"a {stage} message is about one invoice")
    of = f"several.{stage}" if context.invoices else str(stage)
    if context.invoices:
        context = replace(context, invoices=as_listed(context.invoices, stage, context.days_overdue))
    subject, text, html = _filled(wording, of, PARTS, context)
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
        if part == "html" and context.invoices:
            variables = {**variables, "invoices": context.list_in_html}
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
    names += [(f"several.{stage}", part) for stage in SEVERAL for part in PARTS]
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
    samples = several_contexts() if name.startswith("several.") else sample_contexts()
    for context in (*samples, *(several_contexts() if name == LAYOUT else ())):
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
