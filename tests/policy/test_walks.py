"""Walks through the calendar: whatever happens, what the spec promises holds (spec 2, 7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.cadence import STAGES, held_time, is_active, rhythm_of
from dunwell.policy.decide import decide, rule_names
from dunwell.policy.facts import (
    Attempt,
    Case,
    Collection,
    Contact,
    Hold,
    Instrument,
    LedgerFacts,
    Letter,
    Message,
    PaymentRecord,
    Reason,
)
from dunwell.policy.money import Money
from dunwell.policy.plans import with_left
from dunwell.policy.policy import Policy, default_policy, parse_policy
from dunwell.policy.words import (
    ActionKind,
    AttemptOutcome,
    AttemptTrigger,
    CaseStatus,
    CollectionOwner,
    HoldKind,
    HoldScope,
    InvoiceStatus,
    LetterState,
    MessageState,
    RetryClass,
    ReviewKind,
    Stage,
    Track,
)
from tests.policy.cases import case, customer, invoice, mrr, utc

POLICY = default_policy()
START = utc("2026-01-01 00:00")
DAY = timedelta(days=1)
CAP = POLICY.payer.cap_days * DAY
LEAST = POLICY.cadence.minimum_gap_days * DAY


def moments(first_day: int, last_day: int) -> st.SearchStrategy[datetime]:
    minutes = st.integers(first_day * 24 * 60, last_day * 24 * 60)
    return minutes.map(lambda number: START + timedelta(minutes=number))


records = st.none() | st.builds(
    PaymentRecord, st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 4)
)
customers = st.builds(
    lambda place, record, strategic: customer(
        country=place[0], subdivision=place[1], timezone=place[2], record=record, strategic=strategic
    ),
    st.sampled_from(
        [
            ("US", "NY", None),
            ("DE", "BY", None),
            ("SA", None, None),
            ("NP", None, None),
            ("AU", None, "Australia/Lord_Howe"),
            ("JP", None, "America/Los_Angeles"),
            ("Utopia", None, "Mars/Olympus"),
            (None, None, None),
        ]
    ),
    records,
    st.booleans(),
)


def make_hold(
    kind: HoldKind, scope: HoldScope, start: datetime, lasts: float | None, ended: float | None
) -> Hold:
    until = start + lasts * DAY if lasts is not None else None
    return Hold(kind, scope, start, until, "", "Felix", start + ended * DAY if ended is not None else None)


spans = st.floats(0.01, 25, allow_nan=False)
# Nothing stays on hold for ever, or the walk would have no end: an open-ended hold is released.
ending_holds = st.builds(
    make_hold, st.sampled_from(HoldKind), st.sampled_from(HoldScope), moments(0, 60), spans, st.none()
) | (
    st.builds(
        make_hold,
        st.sampled_from(HoldKind),
        st.sampled_from(HoldScope),
        moments(0, 60),
        st.none() | spans,
        spans,
    )
)


@dataclass
class Walk:
    """A worker that is sometimes down, holds that come and go, and what was sent meanwhile."""

    case: Case
    holds: Sequence[Hold]
    downtimes: Sequence[tuple[datetime, datetime]]
    other_mails: Sequence[datetime]
    sends: list[tuple[datetime, Stage]] = field(default_factory=list)
    resumed: dict[int, datetime] = field(default_factory=dict)
    looks: int = 0
    handed: datetime | None = None
    unsaid: bool = False

    def go(self) -> None:
        """Look whenever an alarm rings or something happens, until the case is handed over."""
        now: datetime | None = self.case.anchor
        while now is not None and self.case.status is CaseStatus.OPEN:
            now = self._up_at(now)
            self.looks += 1
            assert self.looks < 200, "the walk does not come to an end"
            now = self._look(now)

    def _up_at(self, now: datetime) -> datetime:
        for start, end in sorted(self.downtimes):
            if start <= now < end:
                now = end
        return now

    def _seen(self, now: datetime) -> Case:
        """The case as the store would show it: a hold is ended once it was resumed or released."""
        holds = []
        for number, hold in enumerate(self.holds):
            released = hold.ended_at if hold.ended_at and hold.ended_at <= now else None
            if hold.start <= now:
                holds.append(replace(hold, ended_at=released or self.resumed.get(number)))
        written = max((at for at in self.other_mails if at <= now), default=None)
        return replace(self.case, holds=tuple(holds), payer_written_at=written)

    def _look(self, now: datetime) -> datetime | None:
        seen = self._seen(now)
        decision = decide(seen, POLICY, now)
        assert decision == decide(seen, POLICY, now)
        kinds = {action.kind for action in decision.actions}
        assert not {ActionKind.SEND, ActionKind.RESUME} <= kinds
        for action in decision.actions:
            if action.kind is ActionKind.RESUME:
                self._resume(now)
            if action.kind in (ActionKind.SEND, ActionKind.CALL_TASK):
                assert action.stage is not None
                self._note(seen, action.stage, now)
            if action.kind is ActionKind.ESCALATE:
                self.case = replace(self.case, status=CaseStatus.ESCALATED)
                self.handed = now
                assert decide(seen, POLICY, now - timedelta(minutes=1)).rule != "payer_cap"
            if action.kind is ActionKind.SKIP and action.stage is Stage.ESCALATION:
                assert seen.payer_written_at is not None
                assert seen.payer_written_at + CAP > now
                self.unsaid = True
        if not decision.actions:
            assert decision.next_look is None or decision.next_look > now
        return self._next(now, decision.next_look)

    def _resume(self, now: datetime) -> None:
        for number, hold in enumerate(self.holds):
            over = hold.start <= now and hold.until and hold.until <= now
            if over and not (hold.ended_at and hold.ended_at <= now):
                self.resumed.setdefault(number, now)

    def _note(self, seen: Case, stage: Stage, now: datetime) -> None:
        assert not any(is_active(hold, now) for hold in seen.holds)
        assert seen.payer_written_at is None or seen.payer_written_at + CAP <= now or seen.customer.strategic
        self.sends.append((now, stage))
        sent = Message(stage, now, MessageState.SENT)
        self.case = replace(self.case, messages=(*self.case.messages, sent))

    def _next(self, now: datetime, look: datetime | None) -> datetime | None:
        """The alarm, or what happens to the case before it rings (a fact always causes a look)."""
        happenings = [at for hold in self.holds for at in (hold.start, hold.ended_at) if at and at > now]
        return min([*happenings, *([look] if look else [])], default=None)


walks = st.builds(
    lambda of, anchor, failed, holds, downs, mails: Walk(
        case(of=of, anchor=anchor, opened_at=anchor, failed_at=anchor if failed else None),
        holds,
        [(start, start + lasts * DAY) for start, lasts in downs],
        mails,
    ),
    customers,
    moments(0, 30),
    st.booleans(),
    st.lists(ending_holds, max_size=3),
    st.lists(st.tuples(moments(0, 90), st.floats(0.01, 12)), max_size=3),
    st.lists(moments(0, 60), max_size=3),
)


def local(walk: Walk, at: datetime) -> datetime:
    return at.astimezone(rhythm_of(walk.case.customer, POLICY).zone.zone)


def expired_promise(walk: Walk, since: datetime, until: datetime) -> bool:
    return any(h.kind is HoldKind.PROMISE and h.until and since <= h.until <= until for h in walk.holds)


@given(walks)
def test_every_stage_goes_out_once_in_order_and_none_is_skipped(walk: Walk) -> None:
    walk.go()

    left_out = [Stage.ESCALATION] if walk.unsaid else []
    assert [*(stage for _, stage in walk.sends), *left_out] == list(STAGES)
    assert walk.case.status is CaseStatus.ESCALATED


@given(walks)
def test_two_messages_are_never_inside_the_gap(walk: Walk) -> None:
    walk.go()

    gaps = POLICY.gaps[rhythm_of(walk.case.customer, POLICY).band.band]
    for (before, _), (after, stage) in pairwise(walk.sends):
        least = LEAST if expired_promise(walk, before, after) else gaps[stage]
        assert after - before >= least


@given(walks)
def test_nothing_but_a_notice_goes_out_outside_the_customer_s_working_hours(walk: Walk) -> None:
    walk.go()

    calendar = rhythm_of(walk.case.customer, POLICY).calendar.calendar
    for at, stage in walk.sends:
        if stage is not Stage.NOTICE:
            assert time(9) <= local(walk, at).time() < time(17)
            assert calendar.is_working_day(local(walk, at).date())


@given(walks)
def test_no_stage_goes_out_before_its_day_counted_without_held_time(walk: Walk) -> None:
    walk.go()

    offsets = POLICY.offsets[rhythm_of(walk.case.customer, POLICY).band.band]
    anchor = walk.case.anchor
    last = anchor
    for at, stage in walk.sends:
        seen = [hold for hold in walk.holds if hold.start <= at]
        moved = local(walk, anchor + held_time(seen, anchor, at)).date() + offsets[stage] * DAY
        if stage is not Stage.NOTICE and not expired_promise(walk, last, at):
            assert local(walk, at).date() >= moved
        last = at


@given(walks)
def test_nothing_goes_out_on_the_day_a_hold_ended(walk: Walk) -> None:
    walk.go()

    for at, _ in walk.sends:
        for number, hold in enumerate(walk.holds):
            end = min([each for each in (hold.until, hold.ended_at) if each])
            if walk.case.anchor < end <= at and hold.start <= at:
                assert local(walk, end).date() < local(walk, at).date()
                assert walk.resumed.get(number) != at


plans = st.builds(
    lambda start, days, ended: replace(
        make_hold(HoldKind.PAYMENT_PLAN, HoldScope.CASE, start, None, ended),
        instalments=with_left([(day, Money(1, "USD")) for day in sorted(days)]),
    ),
    moments(0, 90),
    st.sets(st.dates(START.date(), START.date() + 90 * DAY), min_size=1, max_size=3),
    st.none() | spans,
)
anything = st.builds(
    Case,
    track=st.none() | st.sampled_from(Track),
    status=st.sampled_from(CaseStatus),
    opened_at=moments(0, 90),
    anchor=moments(0, 90),
    invoice=st.builds(
        lambda status, minor, moving, back, auto: invoice(
            status=status, open=Money(minor, "USD"), in_flight=moving, charged_back=back, auto_advance=auto
        ),
        st.sampled_from(InvoiceStatus),
        st.integers(-1, 3),
        st.booleans(),
        st.booleans(),
        st.none() | st.booleans(),
    ),
    customer=st.builds(
        lambda of, contact, months: replace(of, contact=contact, mrr=months),
        customers,
        st.sampled_from(
            [
                None,
                Contact("Dana", "dana@acme.example"),
                Contact("", "x"),
                Contact("D", "d@a.test", "", False),
            ]
        ),
        st.sampled_from([None, mrr("5000.00", "5000.00", "5000.00"), mrr("9.00", "9000.00", "9000.00")]),
    ),
    failed_at=st.none() | moments(0, 90),
    messages=st.lists(
        st.builds(Message, st.sampled_from(Stage), moments(0, 90), st.sampled_from(MessageState)), max_size=5
    ).map(tuple),
    attempts=st.lists(
        st.builds(Attempt, moments(0, 90), st.sampled_from(AttemptTrigger), st.sampled_from(AttemptOutcome)),
        max_size=2,
    ).map(tuple),
    holds=st.lists(
        st.builds(
            make_hold,
            st.sampled_from(HoldKind),
            st.sampled_from(HoldScope),
            moments(0, 90),
            st.none() | spans,
            st.none() | spans,
        )
        | plans,
        max_size=3,
    ).map(tuple),
    reviews=st.lists(st.sampled_from(ReviewKind), max_size=3, unique=True).map(tuple),
    payer_written_at=st.none() | moments(0, 90),
    reason=st.none() | st.builds(Reason, st.just("x"), st.sampled_from(RetryClass), st.just("Said.")),
    track_chosen=st.booleans(),
    ledger=st.sampled_from([None, LedgerFacts(None), LedgerFacts(START, invoice="1", contact="2")]),
    collection=st.builds(
        Collection, st.sampled_from(CollectionOwner), st.none() | moments(0, 90), st.none() | moments(0, 90)
    ),
    letters=st.lists(
        st.builds(
            Letter,
            st.integers(1, 3),
            st.sampled_from(LetterState),
            moments(0, 90),
            st.none() | moments(0, 90),
            st.none() | moments(0, 90),
            sent_at=st.none() | moments(0, 90),
        ),
        max_size=4,
    ).map(tuple),
    instrument=st.none() | st.builds(Instrument, st.sampled_from(["", "pm_1"]), st.integers(0, 16)),
    under_way=st.frozensets(st.sampled_from(ActionKind), max_size=2),
)
BEFORE_HOLDS = {"closed", "settled", "strange_invoice", "chargeback"}
WRITES = {ActionKind.SEND, ActionKind.CALL_TASK, ActionKind.ESCALATE}


policies = st.sampled_from([POLICY, parse_policy('[track]\ncollection = "dunwell"')])


@given(anything, policies, moments(0, 120))
def test_there_is_a_decision_about_every_case(of: Case, policy: Policy, now: datetime) -> None:
    decision = decide(of, policy, now)

    assert decision == decide(of, policy, now)
    assert [*(silence.rule for silence in decision.considered), decision.rule] == list(
        rule_names(of.track)[: rule_names(of.track).index(decision.rule) + 1]
    )
    for because in (decision.because, *(action.because for action in decision.actions)):
        assert because.endswith(".")
    assert decision.next_look is None or decision.next_look.utcoffset() is not None
    for action in decision.actions:
        assert action.kind is not ActionKind.REVIEW or action.review not in of.reviews


@given(anything, moments(0, 120))
def test_a_case_on_hold_is_silent(of: Case, now: datetime) -> None:
    decision = decide(of, POLICY, now)

    if not any(is_active(hold, now) for hold in of.holds) or decision.rule in BEFORE_HOLDS:
        return
    if decision.rule == "plan_watch":
        assert {action.kind for action in decision.actions} <= {ActionKind.RESUME, ActionKind.REVIEW}
    else:
        assert (decision.rule, decision.actions) == ("on_hold", ())


@given(anything, moments(0, 120))
def test_only_an_open_case_with_money_open_and_a_contact_is_written_to(of: Case, now: datetime) -> None:
    decision = decide(of, POLICY, now)

    if {action.kind for action in decision.actions} & WRITES:
        assert of.status is CaseStatus.OPEN
        assert of.track is not None
        assert of.invoice.status is InvoiceStatus.OPEN
        assert of.invoice.open.minor > 0
        assert not of.invoice.in_flight
        assert not of.invoice.charged_back
        assert of.customer.contact is not None
        assert of.customer.contact.deliverable
        assert not any(is_active(hold, now) for hold in of.holds)


@given(anything, policies, moments(0, 120))
def test_only_a_soft_decline_of_an_invoice_that_is_ours_is_retried(
    of: Case, policy: Policy, now: datetime
) -> None:
    retries = [act for act in decide(of, policy, now).actions if act.kind is ActionKind.RETRY]

    assert len(retries) <= 1
    for action in retries:
        assert of.collection.owner is CollectionOwner.DUNWELL
        assert of.reason is None or of.reason.retry_class is RetryClass.SOFT
        assert action.method == "pm_1"
        assert not of.invoice.in_flight
        assert of.status is CaseStatus.OPEN
        assert not any(is_active(hold, now) for hold in of.holds)


@given(anything, moments(0, 120))
def test_only_a_letter_that_was_signed_leaves(of: Case, now: datetime) -> None:
    for action in decide(of, POLICY, now).actions:
        if action.kind is ActionKind.SEND and of.track is Track.PERSONAL:
            signed = [each for each in of.letters if each.state is LetterState.APPROVED]
            assert action.letter in {each.number for each in signed}
            assert action.stage is None


@given(anything, policies, moments(0, 120))
def test_looking_again_at_the_next_look_makes_progress(of: Case, policy: Policy, now: datetime) -> None:
    decision = decide(of, policy, now)

    assert decision.next_look is None or decision.next_look >= now
    if not decision.actions and decision.next_look is not None:
        assert decision.next_look > now
