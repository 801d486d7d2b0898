"""Every member of a closed set of words that the rules switch over is accounted for (design, habit 5)."""

from dunwell.policy.decide import decide
from dunwell.policy.facts import Collection, Reason
from dunwell.policy.gate import CHARGED_UNDER, NOT_CHARGED_UNDER
from dunwell.policy.personal import DOUBTFUL, GONE, LEAVING, LIVE, OUT
from dunwell.policy.policy import default_policy
from dunwell.policy.reasons import _TABLES
from dunwell.policy.retries import no_retry_because
from dunwell.policy.rules import CALLED, IN_DOUBT, ON_ITS_WAY, SETTLED, STRANGE
from dunwell.policy.words import (
    ActionKind,
    Band,
    CaseStatus,
    CollectionOwner,
    Ending,
    HoldKind,
    InvoiceStatus,
    LetterState,
    MessageState,
    Rail,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import FAILED, case, personal

POLICY = default_policy()


def test_every_state_of_a_message_counts_as_sent_under_way_in_doubt_or_still_to_send() -> None:
    classes = [{MessageState.SENT}, ON_ITS_WAY, IN_DOUBT, {MessageState.STOPPED, MessageState.BOUNCED}]

    assert sum(len(members) for members in classes) == len(MessageState)
    assert set().union(*classes) == set(MessageState)


def test_every_status_of_an_invoice_is_open_settled_or_strange() -> None:
    assert [*sorted(SETTLED), *sorted(STRANGE)] == ["paid", "uncollectible", "void", "draft", "unknown"]
    assert {InvoiceStatus.OPEN, *SETTLED, *STRANGE} == set(InvoiceStatus)


def test_every_kind_of_hold_either_stands_against_a_charge_or_does_not() -> None:
    assert set(HoldKind) == CHARGED_UNDER | NOT_CHARGED_UNDER
    assert not CHARGED_UNDER & NOT_CHARGED_UNDER


def test_every_status_of_a_case_has_its_rule() -> None:
    rules = {status: decide(case(status=status), POLICY, FAILED).rule for status in CaseStatus}

    assert rules == {
        CaseStatus.OPEN: "send",
        CaseStatus.REVIEW: "with_a_person",
        CaseStatus.ESCALATED: "with_a_person",
        CaseStatus.CLOSED: "closed",
    }


def test_every_track_has_its_rule() -> None:
    rules = {track: decide(case(track=track), POLICY, FAILED).rule for track in (*Track, None)}

    assert rules == {Track.STANDARD: "send", Track.PERSONAL: "incomplete", None: "track_unknown"}


def test_every_stage_has_a_name_a_day_in_every_band_and_a_gap_unless_it_is_the_first() -> None:
    assert set(CALLED) == set(Stage)
    for band in Band:
        assert list(POLICY.offsets[band]) == list(Stage)
        assert list(POLICY.gaps[band]) == list(Stage)[1:]


def test_every_rail_has_tables_of_decline_codes() -> None:
    assert {rail.value for rail in Rail} <= set(_TABLES)


def test_every_action_is_decided_by_the_rules_but_the_hand_back() -> None:
    decided = {
        ActionKind.GATHER,
        ActionKind.DRAFT,
        ActionKind.TAKE_OVER,
        ActionKind.SEND,
        ActionKind.RETRY,
        ActionKind.HOLD,
        ActionKind.RESUME,
        ActionKind.SKIP,
        ActionKind.CALL_TASK,
        ActionKind.ESCALATE,
        ActionKind.REVIEW,
        ActionKind.CLOSE,
    }
    by_a_person = {ActionKind.HAND_BACK}

    assert decided | by_a_person == set(ActionKind)


def test_every_state_of_a_letter_counts_as_out_live_leaving_doubtful_or_gone() -> None:
    classes = [OUT, LIVE, LEAVING, DOUBTFUL, GONE]

    assert sum(len(members) for members in classes) == len(LetterState)
    assert set().union(*classes) == set(LetterState)


def test_every_class_of_a_decline_may_be_retried_or_may_not() -> None:
    declined = {
        kind: no_retry_because(personal(reason=Reason("x", kind, "Said.")), POLICY) for kind in RetryClass
    }

    assert [kind for kind, why_not in declined.items() if why_not is None] == [RetryClass.SOFT]


def test_whoever_owns_collection_decides_who_retries() -> None:
    owners = {
        owner: no_retry_because(personal(collection=Collection(owner, FAILED, FAILED)), POLICY)
        for owner in CollectionOwner
    }

    assert owners == {CollectionOwner.STRIPE: "collection is not ours", CollectionOwner.DUNWELL: None}


def test_every_ending_is_read_from_the_ledger_or_said_by_a_person() -> None:
    from_ledger = {ending for ending, _ in SETTLED.values()} | {Ending.CREDITED}
    by_person = {Ending.PAID_ELSEWHERE, Ending.TRANSFERRED}

    assert from_ledger | by_person == set(Ending)
    assert not from_ledger & by_person


def test_every_reason_for_review_comes_from_the_rules_or_from_the_engine() -> None:
    rules = {
        ReviewKind.INCOMPLETE,
        ReviewKind.DRIFT,
        ReviewKind.LEDGERS_DISAGREE,
        ReviewKind.UNAPPLIED,
        ReviewKind.MRR_UNKNOWN,
        ReviewKind.NO_CONTACT,
        ReviewKind.REPLY,
        ReviewKind.DISPUTE,
        ReviewKind.CHARGEBACK,
        ReviewKind.ESCALATION,
        ReviewKind.BROKEN_PROMISE,
        ReviewKind.INVOICE_UNKNOWN,
        ReviewKind.BAD_DATA,
        ReviewKind.LEDGER_UNREADABLE,
    }
    engine = {
        ReviewKind.CALL_TASK,
        ReviewKind.SEND_UNKNOWN,
        ReviewKind.SEND_REFUSED,
        ReviewKind.CHARGE_UNKNOWN,
        ReviewKind.GATE_CLOSED,
        ReviewKind.CONTENT,
        ReviewKind.SUPPRESSION,
        ReviewKind.DRAFT,
        ReviewKind.VETO,
        ReviewKind.NOT_CONFIRMED,
    }

    assert rules | engine == set(ReviewKind)
