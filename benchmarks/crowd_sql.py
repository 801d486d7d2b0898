# ruff: noqa: SLF001 - `_meta` is how Django says what a model's columns are
"""The SQL behind `crowd`: one INSERT ... SELECT a table, in words both databases know."""

import json
from collections.abc import Iterator
from typing import Any

from django.apps import apps

# Kinds that a person has looked at, that are on hold, and that share the customer of the case before.
ASKED, HELD, SHARED = 11, 17, 19
_ZEROS = "0" * 64


def preparations(*, postgres: bool) -> Iterator[str]:
    """Yield statements that make scratch tables; `made` numbers the cases and gives each its kind."""
    moment = "timestamptz" if postgres else "text"
    yield f"CREATE TEMPORARY TABLE kind (k int, anchor {moment}, failed {moment}, state text, length int)"
    yield f"CREATE TEMPORARY TABLE said (k int, stage text, at {moment})"
    yield f"CREATE TEMPORARY TABLE entry (k int, seq int, at {moment}, word text)"
    yield "CREATE TEMPORARY TABLE made (i bigint PRIMARY KEY, k int)"


def numbers(cases: int, stride: int) -> str:
    """Number the cases; among every `stride`-th of them, the kinds take turns."""
    return (
        "INSERT INTO made (i, k) "
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {cases}) "
        f"SELECT i, (i - 1) / {stride} % 20 FROM n"
    )


def insertions(policy: str, stride: int, *, postgres: bool) -> Iterator[str]:
    """Yield the statements that fill the tables of the store from the scratch tables."""
    for table, source, said in _tables(policy, stride, postgres=postgres):
        columns = {**_defaults(table), **said}
        names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
        yield f"INSERT INTO {table} ({names}) SELECT {values} FROM {source}"  # noqa: S608 - constants
    for table in ("made", "kind", "said", "entry"):
        yield f"DROP TABLE {table}"


def _defaults(table: str) -> dict[str, str]:
    """What Django writes into columns nobody names; those without a default stay null."""
    model = apps.get_model(table.replace("_", ".", 1))
    fields = [field for field in model._meta.concrete_fields if field.has_default()]
    return {field.column: _literal(field.get_default()) for field in fields}


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


def _tables(policy: str, stride: int, *, postgres: bool) -> Iterator[tuple[str, str, dict[str, str]]]:
    customer = f"made.i - (CASE WHEN made.k = {SHARED} THEN {stride} ELSE 0 END)"
    turn = "(made.i / 20) % 4"
    later = (
        "TIMESTAMPTZ '2026-04-15 13:00:00+00' + made.i % 1000000 * interval '1 second'"
        if postgres
        else "strftime('%Y-%m-%d %H:%M:%S', '2026-04-15 13:00:00', '+' || (made.i % 1000000) || ' seconds')"
    )
    cases = "made JOIN kind ON kind.k = made.k"
    yield (
        "store_customer",
        "made",
        {
            "id": "made.i",
            "external_id": "'cus_' || made.i",
            "name": "'Sample Customer ' || made.i",
            "country": f"CASE {turn} WHEN 0 THEN 'US' WHEN 1 THEN 'US' WHEN 2 THEN 'GB' ELSE 'DE' END",
            "subdivision": f"CASE {turn} WHEN 0 THEN 'NY' WHEN 1 THEN 'IL' END",
            "mrr_currency": "'USD'",
            "mrr_minor": "'[90000, 90000, 90000]'",
            "mrr_source": "'sample'",
            "tenure_months": "8",
            "invoices_paid": "8",
            "invoices_on_time": "7",
            "failures_90d": "1",
            "strategic": "false",
            "owner_name": "''",
            "owner_email": "''",
            "warnings": "'[]'",
            "read_at": "'2026-04-01 00:00:00+00'" if postgres else "'2026-04-01 00:00:00'",
        },
    )
    yield (
        "store_contact",
        "made",
        {
            "id": "made.i",
            "customer_id": "made.i",
            "rank": "0",
            "name": "'Robin Sample'",
            "email": "'ap@customer-' || made.i || '.example'",
            "source": "'sample'",
            "deliverable": "true",
        },
    )
    yield (
        "store_invoice",
        cases,
        {
            "id": "made.i",
            "external_id": "'in_' || made.i",
            "number": "'INV-' || made.i",
            "customer_id": customer,
            "open_minor": "120000 + made.i % 1000",
            "currency": "'USD'",
            "status": "kind.state",
            "rail": "CASE WHEN kind.failed IS NULL THEN 'transfer' ELSE 'card' END",
            "in_flight": "false",
            "charged_back": "false",
            "read_at": "kind.anchor",
        },
    )
    yield (
        "store_case",
        cases,
        {
            "id": "made.i",
            "invoice_id": "made.i",
            "customer_id": customer,
            "policy_id": f"'{policy}'",
            "track": "'standard'",
            "status": "'open'",
            "opened_at": "kind.anchor",
            "anchor_at": "kind.anchor",
            "failed_at": "kind.failed",
            "reason_code": "'insufficient_funds'",
            "reason_class": "'soft'",
            "reason_sentence": "'The bank reported that the account did not have enough funds.'",
            "reason_known": "true",
            "due_at": later,
            "because": "'The message of this stage was sent.'",
            "opened_minor": "120000 + made.i % 1000",
            "chain_length": "kind.length",
            # Stands for a hash, so that every chain has a head of its own.
            "chain_head": f"substr('{_ZEROS}' || made.i, length(CAST(made.i AS text)) + 1)",
        },
    )
    yield (
        "store_hold",
        f"made WHERE made.k = {HELD}",
        {
            "customer_id": customer,
            "case_id": "made.i",
            "kind": "'pause'",
            "start_at": "'2026-04-10 15:00:00+00'" if postgres else "'2026-04-10 15:00:00'",
            "until_at": "'2026-04-14 13:00:00+00'" if postgres else "'2026-04-14 13:00:00'",
            "by": "'sample'",
            "reason": "'The customer asked for time.'",
        },
    )
    yield (
        "store_reviewitem",
        f"{cases} WHERE made.k = {ASKED}",
        {
            "case_id": "made.i",
            "kind": "'bad_data'",
            "opened_at": "kind.anchor",
            "reason": "'Something about this customer was not known.'",
            "closed_at": "kind.anchor",
            "closed_by": "'sample'",
            "resolution": "'A person looked it up.'",
        },
    )
    yield (
        "store_paymentattempt",
        f"{cases} WHERE kind.failed IS NOT NULL",
        {
            "invoice_id": "made.i",
            "key": "'attempt_' || made.i",
            "at": "kind.anchor",
            "trigger": "'stripe'",
            "outcome": "'declined'",
            "method": "'pm_sample'",
            "code": "'insufficient_funds'",
            "sentence": "''",
        },
    )
    yield (
        "store_outboxitem",
        f"{cases} JOIN said ON said.k = made.k",
        {
            "key": "'mail:' || made.i || ':' || said.stage || ':0'",
            "kind": "'mail'",
            "case_id": "made.i",
            "stage": "said.stage",
            "state": "'sent'",
            "queued_at": "said.at",
            "due_at": "said.at",
            "claimed_by": "'sample'",
            "tries": "1",
            "settled_at": "said.at",
            "to_name": "'Robin Sample'",
            "to_address": f"'ap@customer-' || ({customer}) || '.example'",
            "subject": "'Invoice INV-' || made.i",
            # What was sent is never read by a tick; a full mail here would only fill the disk.
            "text": "'Sent.'",
            "html": "'<p>Sent.</p>'",
            "amount_minor": "120000 + made.i % 1000",
            "currency": "'USD'",
            "method": "''",
            "trigger": "''",
            "note": "''",
        },
    )
    yield (
        "store_timelineentry",
        f"{cases} JOIN entry ON entry.k = made.k",
        {
            "case_id": "made.i",
            "seq": "entry.seq",
            "at": "entry.at",
            "kind": "entry.word",
            "actor": "'dunwell'",
            "summary": "'What happened, in a sentence of an ordinary length for an entry.'",
            "detail": "'{}'",
            "policy": f"'{policy}'",
            "previous": f"'{_ZEROS}'",
            "hash": f"'{_ZEROS}'",
        },
    )
