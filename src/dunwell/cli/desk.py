"""Commands that read cases: cases, timeline, explain."""

from typing import Annotated, Any

import typer

from dunwell import wiring
from dunwell.cli.terminal import Json, Trouble, moment, out, print_json, print_table
from dunwell.policy.decide import explain
from dunwell.policy.money import Money
from dunwell.policy.words import CaseStatus
from dunwell.store import cases, keep, models, timeline
from dunwell.store.past import case_at

_STATUSES = {status.value for status in CaseStatus}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="cases")(list_cases)
    app.command(name="timeline")(show_timeline)
    app.command(name="explain")(explain_case)


Invoice = Annotated[str, typer.Argument(help="The invoice's number or its Stripe id.")]


def list_cases(
    status: Annotated[str, typer.Option(help="Only open, review, escalated or closed ones.")] = "",
    as_json: Json = False,
) -> None:
    """List cases, the largest open amount of each currency first."""
    if status and status not in _STATUSES:
        raise typer.BadParameter(f"--status must be one of {', '.join(sorted(_STATUSES))}")
    rows = cases.listed(status)
    if as_json:
        print_json([_case_json(row) for row in rows])
        return
    if not rows:
        out.print("No cases." if not status else f"No cases with status {status}.")
        if not status:
            out.print(
                "A case opens when Stripe reports a failed payment: point a webhook at /webhooks/stripe."
            )
        return
    columns = ("invoice", "customer", "open", "status", "track", "next look (UTC)", "because")
    shown = [
        (
            row.invoice.number,
            row.customer.name,
            Money(row.invoice.open_minor, row.invoice.currency),
            row.ending or row.status,
            row.track,
            f"{row.due_at:%Y-%m-%d %H:%M}" if row.due_at else "",
            row.because,
        )
        for row in rows
    ]
    print_table("", columns, shown, right=("open",))


def show_timeline(invoice: Invoice, as_json: Json = False) -> None:
    """Tell the whole story of an invoice's case, oldest first."""
    row = _case(invoice)
    entries = timeline.story(row)
    if as_json:
        print_json([_entry_json(entry) for entry in entries])
        return
    title = f"{row.invoice.number} · {row.customer.name} · {row.ending or row.status}"
    print_table(
        title,
        ("when (UTC)", "what", "who", "story"),
        [(f"{entry.at:%Y-%m-%d %H:%M}", entry.kind, entry.actor, entry.summary) for entry in entries],
    )


def explain_case(
    invoice: Invoice,
    at: Annotated[str, typer.Option(help="Explain as of this ISO 8601 moment.")] = "",
    as_json: Json = False,
) -> None:
    """Print the facts, the rule that spoke, and the rules that did not."""
    row = _case(invoice)
    now = moment(at) if at else wiring.ports().clock.now()
    said = explain(case_at(row, now), keep.book_of(row.policy_id).policy, now)
    decision = said.decision
    # A case is pinned to a policy together with its wording, so its version is the case's, not the policy's.
    known = [("policy", row.policy_id), *(fact for fact in said.facts if fact[0] != "policy")]
    if as_json:
        print_json(
            {
                "invoice": row.invoice.number,
                "at": now.isoformat(),
                "policy": row.policy_id,
                "facts": dict(known),
                "rule": decision.rule,
                "because": decision.because,
                "actions": [action.kind.value for action in decision.actions],
                "next_look": decision.next_look.isoformat() if decision.next_look else None,
                "silent": [{"rule": silence.rule, "why": silence.why} for silence in decision.considered],
            }
        )
        return
    print_table(f"{row.invoice.number} at {now:%Y-%m-%d %H:%M %Z}", ("fact", "value"), known)
    out.print(f"\n[bold]Spoke:[/bold] {decision.rule}: {decision.because}")
    for action in decision.actions:
        out.print(f"  {action.kind.value}: {action.because}")
    if decision.next_look:
        out.print(f"Next look: {decision.next_look:%Y-%m-%d %H:%M} UTC")
    print_table("\nDid not speak", ("rule", "why"), [(s.rule, s.why) for s in decision.considered])


def _case(invoice: str) -> models.Case:
    row = cases.case_of_invoice(invoice)
    if row is None:
        raise Trouble(f"no case on invoice {invoice!r}")
    return row


def _case_json(row: models.Case) -> dict[str, Any]:
    money = Money(row.invoice.open_minor, row.invoice.currency)
    return {
        "invoice": row.invoice.number,
        "invoice_id": row.invoice.external_id,
        "customer": row.customer.name,
        "customer_id": row.customer.external_id,
        "amount": str(money.decimal),
        "currency": money.currency,
        "status": row.status,
        "ending": row.ending,
        "track": row.track,
        "opened_at": row.opened_at.isoformat(),
        "closed_at": row.closed_at.isoformat() if row.closed_at else None,
        "next_look": row.due_at.isoformat() if row.due_at else None,
        "because": row.because,
        "policy": row.policy_id,
    }


def _entry_json(entry: models.TimelineEntry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "actor": entry.actor,
        "summary": entry.summary,
        "detail": entry.detail,
        "policy": entry.policy,
        "hash": entry.hash,
    }
