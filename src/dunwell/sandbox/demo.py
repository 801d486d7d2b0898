"""`dunwell demo`: plays the story with progress, prints the timelines, then serves the web app."""

import os
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event, Thread

from django.contrib.auth import get_user_model
from django.core.management import call_command
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from dunwell.engine import verify
from dunwell.engine.clock import ShiftedClock, SystemClock
from dunwell.engine.loop import run_forever
from dunwell.policy.money import Money
from dunwell.policy.words import MailState
from dunwell.sandbox import story
from dunwell.sandbox.cast import BREAKS_WORD, SAMPLES, WAITING, Sample
from dunwell.sandbox.checks import problems
from dunwell.sandbox.people import owner_link_in
from dunwell.sandbox.scene import text_of
from dunwell.sandbox.world import PortTakenError, World, sandbox_book
from dunwell.store import models, timeline
from dunwell.store.casefile import case_file
from dunwell.store.cases import case_of_invoice
from dunwell.web.times import place, zone_of

__all__ = ["PortTakenError", "play"]

LOGIN, PASSWORD = "demo", "sandbox-demo"
out = Console(width=None if sys.stdout.isatty() else 130, highlight=False)

# Once the story is told nobody wants to wait for NetSuite's rows as long as in it.
_ROW_AFTER = timedelta(seconds=20)
_CLOCK = re.compile(r"; clock of .*?(?=\. One mail |\.?$)")
_HIDDEN = {"wait", "link_opened"}
_SAID_AGAIN = {
    "gather": "gathered",
    "take_over": "taken_over",
    "attempt": "charge",
    "invoice": "close",
    "review": "hold",
}
_MACHINES = {"dunwell", "stripe", "netsuite", "customer", "mail"}


def play(*, headless: bool, port: int) -> None:
    """Play, show, check; exit 1 when anything in the story went wrong; then serve until Ctrl-C."""
    call_command("migrate", verbosity=0, interactive=False)
    name = {"first_name": "Robin", "last_name": "Sample"}
    get_user_model().objects.create_superuser(LOGIN, "robin.sample@dunwell.example", PASSWORD, **name)
    out.print(
        "[bold]Dunwell's sandbox[/bold]: a fake Stripe, a fake NetSuite, a mail catcher and provider, a virtual "
        "clock. Nothing real is sent.\nEach timeline is in its customer's time.\n"
    )
    with World(story.START, sandbox_book(), web_port=0 if headless else port) as world:
        _tell(world)
        for sample in SAMPLES:
            _print_timeline(sample)
        wrong = problems(world)
        _print_sum(world, wrong)
        if wrong:
            sys.exit(1)
        if not headless:
            _serve(world)


def _tell(world: World) -> None:
    span = (story.END - story.START).total_seconds()
    columns = (TextColumn("{task.fields[day]}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=out, transient=not sys.stdout.isatty()) as progress:
        task = progress.add_task("", total=span, day=f"{story.START:%a %d %b}")

        def tell(at: datetime, about: str) -> None:
            done = (at - story.START).total_seconds()
            progress.update(task, completed=done, day=f"{at:%a %d %b}")
            if about:
                progress.update(task, description=about)

        story.play(world, tell)


def _print_timeline(sample: Sample) -> None:
    case = case_of_invoice(sample.number)
    file = case_file(case.pk, story.END) if case else None
    if case is None or file is None:
        out.print(f"[bold]{sample.name}[/bold]: no case")
        return
    amount, zone = Money(case.opened_minor, case.invoice.currency), zone_of(file.case.customer, file.policy)
    out.print(f"\n[bold]{sample.name}[/bold] · {sample.number} · {amount} · {place(zone)} time")
    out.print(f"[italic]{sample.about[:1].upper()}{sample.about[1:]}.[/italic]")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in _worth_telling(timeline.story(case)):
        # The clock and calendar a decision went by are on the case page; here they would only repeat.
        said = _CLOCK.sub("", entry.summary).rstrip(".") + "."
        if entry.actor not in _MACHINES and entry.actor not in said:
            said += f" ({entry.actor})"
        at = entry.at.astimezone(zone)
        table.add_row(f"{at:%d %b %H:%M}", entry.kind.replace("_", " "), escape(said))
    out.print(table)


def _worth_telling(entries: list[models.TimelineEntry]) -> Iterator[models.TimelineEntry]:
    """Leave out what another entry of the same moment says again; the case page has everything."""
    told = {(entry.at, entry.kind) for entry in entries}
    for entry in entries:
        again = _SAID_AGAIN.get(entry.kind)
        if entry.kind not in _HIDDEN and (entry.at, again) not in told:
            yield entry


def _print_sum(world: World, wrong: list[str]) -> None:
    proof = verify.verify()
    mails, signed = len(world.mail.caught()), len(world.company.mail.sent)
    out.print(
        f"\n{len(SAMPLES)} cases, {mails} mails by SMTP and {signed} signed ones through NetSuite, "
        f"{models.IncomingMail.objects.count()} mails that came in, {world.done['events']} events, "
        f"{proof.entries} timeline entries; the chain "
        + ("proves that nobody edited the past." if not proof.misfits else "does not fit.")
    )
    for problem in wrong:
        out.print(f"[red]Wrong:[/red] {problem}")


def _serve(world: World) -> None:
    """Keep the world running at real speed: the web app, both fakes and a worker."""
    story.leave_something_to_do(world)
    clock = ShiftedClock(world.clock.now(), SystemClock())
    ports = world.run_on(clock)
    world.company.mail.row_after = _ROW_AFTER
    stop = Event()
    worker = Thread(target=run_forever, args=(ports, world.book, world.worker, stop), name="sandbox-worker")
    worker.start()
    _print_doors(world)
    try:
        while worker.is_alive():
            world.go_on(clock.now())
            worker.join(1.0)
    except KeyboardInterrupt:
        out.print("\nStopping ...")
    finally:
        stop.set()
        worker.join()


def _print_doors(world: World) -> None:
    out.print(
        f"\nThe desk: [bold]{world.base_url}[/bold]   log in as [bold]{LOGIN}[/bold] / [bold]{PASSWORD}[/bold]"
    )
    case = case_of_invoice(WAITING.number)
    letter = models.Letter.objects.get(case=case)
    out.print(f"A draft to {WAITING.name} waits to be signed: {world.base_url}/letters/{letter.pk}/")
    if WAITING.owner is not None:
        out.print(f"What {WAITING.owner.name} was sent about it:")
        out.print(
            f"  {owner_link_in(text_of(world.mail.messages(to=WAITING.owner.email)[-1]))}",
            soft_wrap=True,
        )
    out.print("Approve it, and it leaves through NetSuite at once and is read back a minute later.")
    reply = models.IncomingMail.objects.get(state=MailState.WAITING.value)
    out.print(f"A reply of {BREAKS_WORD.name} waits to be read: {world.base_url}/replies/{reply.pk}/")
    out.print(f"A mail that nobody could place waits to be placed: {world.base_url}/review/#unplaced")
    out.print(
        f"The clock says {world.clock.now():%d %B %Y %H:%M} UTC. Database: {os.environ['DUNWELL_DATABASE_URL']}. "
        "Stop with Ctrl-C."
    )
