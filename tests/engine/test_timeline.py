"""The timeline: append-only, and whoever edits the past is found out (spec 9)."""

from datetime import timedelta

import pytest

from dunwell.engine import review
from dunwell.engine.verify import verify
from dunwell.policy import facts
from dunwell.store import cases, models
from dunwell.store.chain import entry_hash
from dunwell.store.claims import one_transaction
from dunwell.store.journal import Journal
from tests.engine.world import START, World

pytestmark = pytest.mark.django_db
edits = pytest.mark.breaks_promises


def told() -> World:
    """Two cases with a story each."""
    world = World()
    world.fails("in_1", "cus_1")
    world.fails("in_2", "cus_2")
    world.run()
    world.run_for(days=8)
    return world


def misfit() -> tuple[str, int, str]:
    [found] = verify().misfits
    return found.invoice, found.seq, found.why


def entry(seq: int, invoice: str = "in_2") -> models.TimelineEntry:
    return models.TimelineEntry.objects.get(case__invoice__external_id=invoice, seq=seq)


def test_an_untouched_timeline_is_proven() -> None:
    world = told()
    proof = verify()
    assert (proof.cases, proof.misfits) == (2, ())
    assert proof.entries == models.TimelineEntry.objects.count() == len(world.story("in_1")) * 2


@edits
def test_an_edited_summary_is_found() -> None:
    told()
    models.TimelineEntry.objects.filter(pk=entry(2).pk).update(summary="Nothing happened.")
    assert misfit() == ("INV-2", 2, "its content was changed after it was written")


@edits
@pytest.mark.parametrize(
    "change",
    [
        {"actor": "somebody else"},
        {"kind": "note"},
        {"at": START - timedelta(seconds=1)},
        {"policy": "other-policy"},
        {"detail": {"stage": "final"}},
    ],
)
def test_every_part_of_an_entry_is_under_the_hash(change: dict[str, object]) -> None:
    told()
    models.TimelineEntry.objects.filter(pk=entry(2).pk).update(**change)
    assert misfit() == ("INV-2", 2, "its content was changed after it was written")


@edits
def test_a_deleted_entry_in_the_middle_is_found() -> None:
    told()
    entry(2).delete()
    assert misfit() == ("INV-2", 2, "entry 2 is missing")


@edits
def test_a_deleted_tail_is_found() -> None:
    world = told()
    length = len(world.story("in_2"))
    entry(length).delete()
    assert misfit() == (
        "INV-2",
        length - 1,
        f"the case counts {length} entries, {length - 1} are here",
    )


@edits
def test_a_timeline_deleted_whole_is_found() -> None:
    world = told()
    length = len(world.story("in_1"))
    models.TimelineEntry.objects.filter(case__invoice__external_id="in_1").delete()
    assert misfit() == ("INV-1", 0, f"the case counts {length} entries, 0 are here")


@edits
def test_swapped_entries_are_found() -> None:
    told()
    second, third = entry(2).pk, entry(3).pk
    models.TimelineEntry.objects.filter(pk=second).update(seq=99)
    models.TimelineEntry.objects.filter(pk=third).update(seq=2)
    models.TimelineEntry.objects.filter(pk=second).update(seq=3)
    assert misfit()[:2] == ("INV-2", 2)


@edits
def test_an_edit_with_a_freshly_forged_hash_is_found_at_the_next_entry() -> None:
    told()
    row = entry(2)
    row.summary = "Nothing happened."
    row.hash = entry_hash(
        case=row.case_id,
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        actor=row.actor,
        summary=row.summary,
        detail=row.detail,
        policy=row.policy,
        previous=row.previous,
    )
    row.save()
    assert misfit() == ("INV-2", 3, "it does not follow the entry before it")


@edits
def test_a_forged_last_entry_is_found_by_its_case() -> None:
    world = told()
    length = len(world.story("in_2"))
    row = entry(length)
    row.hash = "0" * 64
    row.save()
    assert misfit() == ("INV-2", length, "its content was changed after it was written")


@edits
def test_an_added_entry_is_found() -> None:
    world = told()
    length = len(world.story("in_2"))
    last = entry(length)
    models.TimelineEntry.objects.create(
        case_id=last.case_id,
        seq=length + 1,
        at=last.at,
        kind="note",
        actor="nobody",
        summary="It was all agreed.",
        policy=last.policy,
        previous=last.hash,
        hash="0" * 64,
    )
    assert misfit()[:2] == ("INV-2", length + 1)


@edits
def test_two_edited_cases_are_both_named() -> None:
    told()
    models.TimelineEntry.objects.filter(seq=1).update(summary="Nothing happened.")
    assert [(found.invoice, found.seq) for found in verify().misfits] == [("INV-1", 1), ("INV-2", 1)]


def test_entries_are_only_ever_added() -> None:
    world = told()
    before = list(models.TimelineEntry.objects.order_by("pk").values())
    world.hold(until=world.now + timedelta(days=1))
    world.run_for(days=5)
    world.pays()
    world.run()
    world.close("in_2")
    kept = models.TimelineEntry.objects.filter(pk__in=[row["id"] for row in before]).order_by("pk")
    assert list(kept.values()) == before
    assert models.TimelineEntry.objects.count() > len(before)


@pytest.mark.parametrize(
    "text",
    [
        "Zażółć gęślą jaźń, 東京, עברית, 👩🏽‍💻, e\u0301",
        "before\x00after",
        "half a surrogate pair: \ud83d!",
        "long " * 200_000,
        "'; DROP TABLE store_case; --",
        "line\r\nbreaks\tand\u2028more",
    ],
    ids=["unicode", "NUL", "surrogate", "huge", "SQL", "breaks"],
)
def test_any_text_can_be_told_and_is_proven(text: str) -> None:
    world = told()
    case = world.case()
    with one_transaction():
        journal = Journal(world.now)
        row = cases.locked_case(case.pk)
        journal.entry(
            row, "note", text, by=text, detail={"said": text, "list": [text, {"deep": text}], text[:9]: 1}
        )
        journal.write()
    last = world.entries("in_1")[-1]
    assert "\x00" not in last.summary
    assert last.detail["said"] == last.summary
    assert last.detail["list"] == [last.summary, {"deep": last.summary}]
    assert verify().misfits == ()


def test_a_customer_full_of_odd_characters_runs_like_any_other() -> None:
    world = World()
    world.customer(
        name="Ac\x00me \ud83d" + "x" * 900,
        country="ZZZ",
        subdivision="a subdivision too long",
        timezone="Z" * 99,
        contact=facts.Contact("Da\x00na " + "y" * 400, "dana@acme.example", "s" * 300),
        owner=facts.Person("O" * 900, "o" * 900),
    )
    world.fails(number="INV-\x00" + "9" * 300)
    world.run()
    world.run_for(days=4)
    customer = models.Customer.objects.get()
    assert (customer.country, customer.subdivision, customer.timezone) == (None, None, None)
    assert len(customer.name) == 500
    assert world.story()[0] == "opened"
    assert verify().misfits == ()


def test_a_note_with_odd_characters_is_kept() -> None:
    world = told()
    review.add_note(case_id=world.case().pk, text=" ring\x00 them \ud800", by="a" * 300, now=world.now)
    last = world.entries("in_1")[-1]
    assert (last.summary, last.actor) == ("ring them ?", "a" * 200)
