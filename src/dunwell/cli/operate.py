"""Commands that run an installation: migrate, serve, worker, createsuperuser, person, verify, doctor, demo."""

import gc
import os
import signal
import sys
import uuid
from datetime import datetime
from threading import Event
from typing import Annotated, Any

import typer
from django.conf import settings
from django.core.management import CommandError, call_command

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, moment, out, print_json, print_table
from dunwell.engine.doctor import examine
from dunwell.engine.loop import run_forever, run_once
from dunwell.engine.perform import Worker
from dunwell.engine.verify import verify as prove
from dunwell.store import accounts


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(migrate)
    app.command()(serve)
    app.command()(worker)
    app.command()(createsuperuser)
    app.command()(person)
    app.command()(verify)
    app.command()(doctor)
    app.command()(demo)


def migrate() -> None:
    """Create or update the database's tables."""
    call_command("migrate", verbosity=0, interactive=False)

    out.print("The database is up to date.")


def createsuperuser(
    username: Annotated[str, typer.Option(help="Log-in name; asked for if missing.")] = "",
    email: Annotated[str, typer.Option(help="The person's address.")] = "",
) -> None:
    """Make a person who may do everything; asks for a password, or takes DJANGO_SUPERUSER_PASSWORD."""
    options: dict[str, Any] = {"interactive": sys.stdin.isatty()}
    if username:
        options |= {"username": username, "email": email}
    try:
        call_command("createsuperuser", **options)
    except CommandError as error:
        raise Trouble(str(error)) from None


def person(
    username: Annotated[str, typer.Argument(help="Log-in name.")],
    name: Annotated[str, typer.Option(help="Full name; what they write is signed with it.")] = "",
    email: Annotated[str, typer.Option(help="Their own address; answers come from it.")] = "",
    signs: Annotated[
        bool | None, typer.Option("--manager/--no-manager", help="May or may not approve personal mail.")
    ] = None,
) -> None:
    """Make a person who can log in, or change one's name, address or right to approve personal mail."""
    user = accounts.find_person(username)
    try:
        if user is None:
            password = os.environ.get("DJANGO_SUPERUSER_PASSWORD") or typer.prompt(
                "Password", hide_input=True, confirmation_prompt=True
            )
            user = accounts.make_person(username=username, name=name, email=email, password=password)
            out.print(f"{username} can log in.", markup=False)
        elif name or email:
            accounts.change_person(user, name=name, email=email)
            out.print(f"{username} is {user.get_full_name()} <{user.email}>.", markup=False)
    except accounts.AccountError as error:
        raise Trouble(str(error)) from None
    if signs is not None:
        accounts.set_signer(user, signs=signs)
    may = user.has_perm(accounts.APPROVE)
    out.print(f"{username} may {'' if may else 'not '}approve personal mail.", markup=False)


def serve(
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(help="Web processes.", min=1)] = 2,
) -> None:
    """Serve the desk, the payment pages and the webhook endpoint until stopped."""
    # Pages and their server, which no other command needs.
    from dunwell.web.server import run as run_server  # noqa: PLC0415

    run_server(host, port, workers)


def worker(
    once: Annotated[bool, typer.Option("--once", help="Do everything due now, then stop.")] = False,
    at: Annotated[str, typer.Option(help="With --once: the instant to act at (not in production).")] = "",
    as_json: Json = False,
) -> None:
    """Receive, decide and send until stopped; SIGTERM finishes what is in hand."""
    if at and not once:
        raise typer.BadParameter("--at goes with --once")
    instant = moment(at) if at else None
    _refuse_in_production(instant)
    ports, book, me = wiring.ports(), wiring.book(), Worker(f"{os.getpid()}-{uuid.uuid4().hex[:8]}")
    if once:
        done = run_once(ports, book, instant or ports.clock.now(), me)
        if as_json:
            print_json({key: count for key, count in sorted(done.items()) if count})
        else:
            said = ", ".join(f"{count} {key}" for key, count in sorted(done.items()) if count)
            out.print(f"Done: {said or 'nothing was due'}.")
        return
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # What is loaded by now stays: looking through it again and again for garbage is a tenth of a tick.
    gc.collect()
    gc.freeze()
    run_forever(ports, book, me, stop)


def _refuse_in_production(instant: datetime | None) -> None:
    if instant is not None and settings.DUNWELL.production:
        raise typer.BadParameter("--at is refused when DUNWELL_ENV=production")


def verify(as_json: Json = False) -> None:
    """Prove that the timeline was not edited; name the first entry that does not fit."""
    proof = prove()

    if as_json:
        misfits = [{"invoice": m.invoice, "case": m.case, "seq": m.seq, "why": m.why} for m in proof.misfits]
        print_json({"cases": proof.cases, "entries": proof.entries, "misfits": misfits})
    elif proof.misfits:
        first = proof.misfits[0]
        out.print(f"{first.invoice} (case {first.case}), entry {first.seq}: {first.why}.")
    else:
        out.print(f"{proof.entries} entries of {proof.cases} cases: nobody edited the past.")
    if proof.misfits:
        count = len(proof.misfits)
        raise Trouble(f"the timeline of {count} case{'s' if count > 1 else ''} does not fit")


def doctor(as_json: Json = False) -> None:
    """Check configuration, Stripe, mail and invariants; fail if something is wrong."""
    findings = examine(wiring.ports(), wiring.book(), wiring.checks())

    if as_json:
        print_json([{"check": f.check, "state": f.state, "said": f.said} for f in findings])
    else:
        print_table("", ("", "check", "what it says"), [(f.state, f.check, f.said) for f in findings])
    if any(finding.state == "wrong" for finding in findings):
        raise Trouble("something is wrong")


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Stop after the story.")] = False,
    port: Annotated[int, typer.Option(help="Port of the web app.", min=1, max=65535)] = 8000,
) -> None:
    """Play the sandbox's story with a virtual clock, then serve the web app."""
    try:
        # An optional part: its mail catcher needs an extra package.
        from dunwell.sandbox import demo as sandbox  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "dunwell").startswith("dunwell"):
            raise
        raise Trouble(
            f"the sandbox is not installed ({error.name}): pip install 'dunwell[sandbox]'"
        ) from None
    try:
        sandbox.play(headless=headless, port=port)
    except sandbox.PortTakenError as error:
        raise Trouble(f"{error}; try --port") from None
