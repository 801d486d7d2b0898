"""Verify: proves that nobody edited the past (spec 9)."""

from collections.abc import Iterator
from dataclasses import dataclass

from dunwell.store import cases, timeline
from dunwell.store.chain import entry_hash
from dunwell.store.claims import one_transaction


@dataclass(frozen=True, slots=True)
class Misfit:
    """The first timeline entry of a case that does not fit, and why."""

    case: int
    invoice: str
    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How much was checked and what does not fit."""

    cases: int
    entries: int
    misfits: tuple[Misfit, ...]


def verify() -> Proof:
    """Recompute every hash of every chain, in constant memory, and compare each end with its case."""
    chains = entries = 0
    misfits: list[Misfit] = []
    for chain in timeline.chains():
        chains += 1
        entries += chain.length
        misfit = next(_misfits(chain), None)
        if misfit is not None:
            misfits.extend(_second_look(chain))
    return Proof(chains, entries, tuple(misfits))


def _second_look(chain: timeline.Chain) -> list[Misfit]:
    """Look again with the case locked: somebody may have written between our two readings."""
    with one_transaction():
        return list(_misfits(timeline.chain_of(cases.locked_case(chain.case))))[:1]


def _misfits(chain: timeline.Chain) -> Iterator[Misfit]:
    previous, seq = "", 0
    for entry in chain.entries:
        seq += 1
        if entry.seq != seq:
            yield Misfit(chain.case, chain.invoice, seq, f"entry {seq} is missing")
        if entry.previous != previous:
            yield Misfit(chain.case, chain.invoice, seq, "it does not follow the entry before it")
        said = entry_hash(
            case=chain.case,
            seq=entry.seq,
            at=entry.at,
            kind=entry.kind,
            actor=entry.actor,
            summary=entry.summary,
            detail=entry.detail,
            policy=entry.policy,
            previous=entry.previous,
        )
        if said != entry.hash:
            yield Misfit(chain.case, chain.invoice, seq, "its content was changed after it was written")
        previous = entry.hash
    if (seq, previous) != (chain.expected_length, chain.expected_head):
        yield Misfit(
            chain.case, chain.invoice, seq, f"the case counts {chain.expected_length} entries, {seq} are here"
        )
