"""The command that tries a policy on recorded history."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, moment, out, print_table
from dunwell.engine import letters
from dunwell.engine.clock import VirtualClock
from dunwell.engine.personal import text as personal
from dunwell.engine.ports import Ports
from dunwell.engine.replay.history import Fact, HistoryError, read_history
from dunwell.engine.replay.outcome import Outcome, outcome_of
from dunwell.engine.replay.run import Replay
from dunwell.engine.replay.step import Step
from dunwell.policy.book import Book
from dunwell.policy.words import ActionKind


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    history: Annotated[Path, typer.Argument(help="Recorded history, one JSON object a line.")],
    policy: Annotated[Path | None, typer.Option(help="The policy to try; default: the active one.")] = None,
    against: Annotated[Path | None, typer.Option(help="A second policy to compare with.")] = None,
    until: Annotated[str, typer.Option(help="Stop the clock at this ISO 8601 moment.")] = "",
    words: Annotated[bool, typer.Option("--words", help="Show each message's text.")] = False,
    as_json: Json = False,
) -> None:
    """Say who would have been written to, when, with which words and why, and why not."""
    end = moment(until) if until else None
    try:
        with history.open(encoding="utf-8") as lines:
            told = read_history(lines)
    except HistoryError as error:
        raise Trouble(f"{history}: {error}; nothing was replayed") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{history}: cannot be read: {_why(error)}") from None
    book = wiring.read_book(policy) if policy else wiring.book()
    world = Replay(book)
    steps = list(world.steps(told, end))
    if as_json:
        for step in steps:
            sys.stdout.write(json.dumps(step.as_json(), ensure_ascii=False) + "\n")
        return
    _print_steps(steps, book, words=words)
    outcomes = [outcome_of(book, steps, world)]
    if against:
        outcomes.append(_outcome(told, wiring.read_book(against), end))
    _print_outcomes(outcomes)


def _outcome(told: Sequence[Fact], book: Book, end: datetime | None) -> Outcome:
    world = Replay(book)
    return outcome_of(book, list(world.steps(told, end)), world)


def _print_steps(steps: Sequence[Step], book: Book, *, words: bool) -> None:
    if not steps:
        out.print("Nothing would have been done.")
        return
    print_table(
        f"Under {book.version}",
        ("when (UTC)", "invoice", "action", "stage", "to", "because"),
        [(f"{s.at:%Y-%m-%d %H:%M}", s.invoice, s.action, s.stage, s.to, s.because) for s in steps],
    )
    if words:
        for step in steps:
            _print_words(step, book)


def _print_words(step: Step, book: Book) -> None:
    """Print the text of a message that leaves, or of a letter as it is drafted; a person may have changed it.

    What leaves for several invoices is printed once.
    """
    ports = _ports_at(step.at)
    if step.carried:
        return
    if step.action is ActionKind.SEND and step.stage:
        cases, tone = (
            (step.together.about, step.together.tone) if step.together else ((step.case,), step.stage)
        )
        about = letters.About(list(enumerate(cases)), tone)
        what, written = f"{step.stage}", letters.compose(about, book, ports, step.at)
    elif step.action is ActionKind.DRAFT and step.letter:
        what = f"draft of letter {step.letter}"
        written = personal.compose(0, step.case, step.letter, book, ports, step.at)
    else:
        return
    text = (
        written.reason if isinstance(written, letters.Unwritable) else f"{written.subject}\n\n{written.text}"
    )
    out.print(f"\n[bold]{step.at:%Y-%m-%d %H:%M} {step.invoice} {what}[/bold]")
    out.out(text, highlight=False)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8"


def _ports_at(at: datetime) -> Ports:
    """The installation's ports at the virtual moment: the link in a text must not tell the real time."""
    return replace(wiring.ports(), clock=VirtualClock(at))


def _print_outcomes(outcomes: Sequence[Outcome]) -> None:
    rows = [
        (
            o.version,
            o.messages,
            o.drafts,
            o.retries,
            o.calls,
            o.reviews,
            o.closed,
            o.open_cases,
            o.days_to_close,
            o.money_open,
        )
        for o in outcomes
    ]
    columns = (
        *("policy", "messages", "drafts", "retries", "calls", "reviews"),
        *("closed", "open", "mean days to close", "money still open"),
    )
    print_table("\nOutcome", columns, rows, right=columns[1:9])
