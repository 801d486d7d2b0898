"""Every word of the policy has a word on the desk, and every entry a family."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from dunwell.policy import words as policy_words
from dunwell.policy.playbook import StepState
from dunwell.policy.replies import ReplyKind
from dunwell.policy.upcoming import PlannedKind
from dunwell.web import words

TABLES: list[tuple[type[StrEnum], Mapping[Any, str]]] = [
    (policy_words.CaseStatus, words.STATUS),
    (policy_words.Ending, words.ENDING),
    (policy_words.HoldKind, words.HOLD),
    (policy_words.Track, words.TRACK),
    (policy_words.Stage, words.STAGE),
    (policy_words.MessageState, words.MESSAGE),
    (policy_words.LetterState, words.LETTER),
    (policy_words.CollectionOwner, words.COLLECTION),
    (policy_words.CallOutcome, words.CALL),
    (policy_words.InvoiceStatus, words.INVOICE),
    (policy_words.AttemptTrigger, words.TRIGGER),
    (policy_words.AttemptOutcome, words.OUTCOME),
    (policy_words.Rail, words.RAIL),
    (policy_words.ReviewKind, words.REVIEW),
    (policy_words.MailState, words.MAIL),
    (policy_words.MailNature, words.NATURE),
    (policy_words.MatchedBy, words.MATCHED),
    (ReplyKind, words.REPLY),
    (StepState, words.STEP),
    (PlannedKind, words.PLANNED),
    (words.Family, words.FAMILY),
]


@pytest.mark.parametrize(("members", "table"), TABLES, ids=[members.__name__ for members, _ in TABLES])
def test_every_member_has_a_word(members: type[StrEnum], table: Mapping[Any, str]) -> None:
    assert set(table) == set(members)
    assert all(word[0].isupper() for word in table.values())


def test_every_state_of_a_step_has_a_mark_of_its_own() -> None:
    assert set(words.STEP_MARK) == set(StepState)
    assert len(set(words.STEP_MARK.values())) == len(StepState)


def test_every_action_of_a_decision_is_a_decision_or_a_non_decision() -> None:
    families = {kind: words.entry_word(kind.value, "dunwell").family for kind in policy_words.ActionKind}

    not_done = {kind for kind, family in families.items() if family is words.Family.NOT_DONE}
    assert not_done == {policy_words.ActionKind.SKIP}
    assert {families[kind] for kind in families if kind not in not_done} == {words.Family.DECISION}


def test_an_entry_without_a_name_of_its_own_is_a_fact_named_after_itself() -> None:
    assert words.entry_word("new_thing", "stripe") == words.EntryWord("New thing", words.Family.FACT)


@pytest.mark.parametrize("kind", ["reply", "auto_reply"])
def test_what_a_customer_wrote_is_a_fact_in_their_name_not_something_we_did(kind: str) -> None:
    assert words.entry_word(kind, "dana@acme.example").family is words.Family.FACT


@pytest.mark.parametrize("asked", ["dunwell", "stripe", "netsuite", "customer", "mail"])
def test_what_a_system_or_the_customer_says_is_a_fact(asked: str) -> None:
    assert words.entry_word("gathered", asked) == words.EntryWord("Ledger read", words.Family.FACT)
    assert words.entry_word("warning", asked) == words.EntryWord("Warning", words.Family.FACT)


def test_what_a_person_did_is_theirs_not_a_rules() -> None:
    assert words.entry_word("hold", "dunwell") == words.EntryWord("Hold", words.Family.DECISION)
    assert words.entry_word("hold", "dana") == words.EntryWord("Hold", words.Family.PERSON)
