"""The invoices of one mail, locked: one, or several that share it."""

from collections.abc import Sequence
from dataclasses import dataclass

from dunwell.engine.rereading import Reread
from dunwell.policy.rules import CALLED
from dunwell.policy.words import Stage
from dunwell.store import cases, models, shared


@dataclass(slots=True)
class Part:
    """One invoice of a mail: its row in the outbox and its case."""

    item: models.OutboxItem
    row: models.Case

    @property
    def stage(self) -> Stage:
        """The stage that the mail is for this invoice."""
        return Stage(self.item.stage)

    @property
    def detail(self) -> dict[str, str]:
        """What an entry on its timeline names."""
        return {"stage": self.item.stage, "key": self.item.key}


def items_of(item: models.OutboxItem) -> list[models.OutboxItem]:
    """The rows of a mail, its own first; those that were taken out of it too."""
    return shared.parts_of(item) if shared.may_carry(item) else [item]


def locked_parts(item: models.OutboxItem, reads: Sequence[Reread] = ()) -> list[Part]:
    """Lock the cases of a mail and return its parts, its own first.

    The customer is locked before several cases, and before one of which `reads` bring news about the customer.
    """
    if not shared.may_carry(item):
        if any(read.found is not None for read in reads):
            cases.lock_customer(item.case.customer_id)
        return [Part(item, cases.locked_case(item.case_id))]
    cases.lock_customer(item.case.customer_id)
    wanted = {each.case_id for each in shared.parts_of(item)}
    rows = {row.pk: row for row in cases.locked_cases(sorted(wanted))}
    return [Part(each, rows[each.case_id]) for each in shared.parts_of(item)]


def is_out(part: Part) -> bool:
    """Say whether an invoice was taken out of its mail."""
    return part.item.state in shared.OUT


def called(parts: Sequence[Part]) -> str:
    """Name a mail inside a sentence: by its stage, or by the invoices that share it."""
    if len(parts) == 1:
        return CALLED[parts[0].stage]
    said = [part.row.invoice.number for part in parts]
    return f"mail about {', '.join(said[:-1])} and {said[-1]}"
