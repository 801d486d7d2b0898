"""Every member of a closed set of words that the rules switch over is accounted for (design, habit 5)."""

from dunwell.policy.decide import decide
from dunwell.policy.gate import CHARGED_UNDER, NOT_CHARGED_UNDER
from dunwell.policy.policy import default_policy
from dunwell.policy.reasons import _TABLES
from dunwell.policy.rules import CALLED, IN_DOUBT, ON_ITS_WAY, SETTLED, STRANGE
from dunwell.policy.words import (
    ActionKind,
    Band,
    CaseStatus,
    Ending,
    HoldKind,
    InvoiceStatus,
    MessageState,
    Rail,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import FAILED, case

POLICY = default_policy()


def test_every_state_of_a_message_counts_as_sent_under_way_in_doubt_or_still_to_send() -> None:
    classes = [{MessageState.SENT}, ON_ITS_WAY, IN_DOUBT, {MessageState.STOPPED}]

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

    assert rules == {Track.STANDARD: "send", Track.PERSONAL: "personal_track", None: "track_unknown"}


def test_every_stage_has_a_name_a_day_in_every_band_and_a_gap_unless_it_is_the_first() -> None:
    assert set(CALLED) == set(Stage)
    for band in Band:
        assert list(POLICY.offsets[band]) == list(Stage)
        assert list(POLICY.gaps[band]) == list(Stage)[1:]


def test_every_rail_has_tables_of_decline_codes() -> None:
    assert {rail.value for rail in Rail} <= set(_TABLES)


def test_every_action_is_decided_here_or_belongs_to_the_personal_track() -> None:
    decided = {
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
    personal = {ActionKind.GATHER, ActionKind.DRAFT, ActionKind.TAKE_OVER, ActionKind.HAND_BACK}

    assert decided | personal == set(ActionKind)


def test_every_ending_is_read_from_the_ledger_or_said_by_a_person() -> None:
    from_ledger = {ending for ending, _ in SETTLED.values()} | {Ending.CREDITED}
    by_person = {Ending.PAID_ELSEWHERE, Ending.TRANSFERRED}

    assert from_ledger | by_person == set(Ending)
    assert not from_ledger & by_person


def test_every_reason_for_review_comes_from_the_rules_or_from_the_engine() -> None:
    rules = {
        ReviewKind.PERSONAL_TRACK,
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
    }

    assert rules | engine == set(ReviewKind)
