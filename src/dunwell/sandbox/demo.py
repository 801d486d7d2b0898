"""`dunwell demo`: plays the story with progress, prints the timelines, then serves the web app."""

import os
import sys
from datetime import datetime
from threading import Event, Thread

from django.contrib.auth import get_user_model
from django.core.management import call_command
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from dunwell.engine import verify
from dunwell.engine.clock import ShiftedClock, SystemClock
from dunwell.engine.loop import run_forever
from dunwell.policy.money import Money
from dunwell.sandbox import story
from dunwell.sandbox.world import PortTakenError, World, sandbox_book
from dunwell.store import invariants, models, timeline
from dunwell.store.cases import case_of_invoice

__all__ = ["PortTakenError", "play"]

LOGIN, PASSWORD = "demo", "sandbox-demo"
out = Console(width=None if sys.stdout.isatty() else 130, highlight=False)

_HIDDEN = {"wait", "link_opened"}


def play(*, headless: bool, port: int) -> None:
    """Play, show, check; exit 1 when anything in the story went wrong; then serve until Ctrl-C."""
    call_command("migrate", verbosity=0, interactive=False)
    get_user_model().objects.create_superuser(LOGIN, "demo@dunwell.example", PASSWORD)
    out.print(
        "[bold]Dunwell's sandbox[/bold]: a fake Stripe, a mail catcher, a virtual clock. Nothing real is sent.\n"
    )
    with World(story.START, sandbox_book(), web_port=0 if headless else port) as world:
        _tell(world)
        for sample in story.SAMPLES:
            _print_timeline(sample)
        problems = list(_problems(world))
        _print_sum(world, problems)
        if problems:
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


def _print_timeline(sample: story.Sample) -> None:
    case = case_of_invoice(sample.number)
    if case is None:
        out.print(f"[bold]{sample.name}[/bold]: no case")
        return
    amount = Money(case.opened_minor, case.invoice.currency)
    out.print(f"\n[bold]{sample.name}[/bold] · {sample.number} · {amount} · {sample.about}")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in timeline.story(case):
        if entry.kind not in _HIDDEN:
            # The clock and calendar a decision went by are on the case page; here they would only repeat.
            said = entry.summary.partition("; clock of ")[0].rstrip(".") + "."
            table.add_row(f"{entry.at:%d %b %H:%M}", entry.kind.replace("_", " "), said)
    out.print(table)


def _problems(world: World) -> list[str]:
    """What did not go as the story says it should."""
    found: list[str] = []
    for sample in story.SAMPLES:
        case = case_of_invoice(sample.number)
        ending = (case.ending or case.status) if case else "no case"
        mails = [mail for mail in world.mail.messages() if sample.email in str(mail["To"])]
        if ending != sample.ending:
            found.append(f"{sample.name} should have ended {sample.ending}, but ended {ending}.")
        if len(mails) != sample.mails:
            found.append(f"{sample.name} should have had {sample.mails} mails, but had {len(mails)}.")
    ids = [str(mail["Message-ID"]) for mail in world.mail.messages()]
    if len(ids) != len(set(ids)):
        found.append("A mail went out twice.")
    proof = verify.verify()
    found.extend(f"Timeline of {misfit.invoice}: {misfit.why}." for misfit in proof.misfits)
    if invariants.forgotten_cases():
        found.append("A case was forgotten.")
    failed = models.InboxEvent.objects.filter(state=models.InboxEvent.FAILED).count()
    if failed:
        found.append(f"{failed} events could not be applied.")
    return found


def _print_sum(world: World, problems: list[str]) -> None:
    proof = verify.verify()
    mails = len(world.mail.messages())
    out.print(
        f"\n{len(story.SAMPLES)} cases, {mails} mails, {world.done['events']} events, "
        f"{proof.entries} timeline entries; the chain "
        + ("proves that nobody edited the past." if not proof.misfits else "does not fit.")
    )
    for problem in problems:
        out.print(f"[red]Wrong:[/red] {problem}")


def _serve(world: World) -> None:
    """Keep the world running at real speed: the web app, the fake Stripe and a worker."""
    ports = world.run_on(ShiftedClock(story.END, SystemClock()))
    stop = Event()
    worker = Thread(target=run_forever, args=(ports, world.book, world.worker, stop), name="sandbox-worker")
    worker.start()
    out.print(
        f"\nThe desk: [bold]{world.base_url}[/bold]   log in as [bold]{LOGIN}[/bold] / [bold]{PASSWORD}[/bold]"
    )
    out.print(
        f"Its clock says {story.END:%d %B %Y}. Database: {os.environ['DUNWELL_DATABASE_URL']}. Stop with Ctrl-C."
    )
    try:
        while worker.is_alive():
            worker.join(1.0)
    except KeyboardInterrupt:
        out.print("\nStopping ...")
    finally:
        stop.set()
        worker.join()
