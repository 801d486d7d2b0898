from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dunwell.policy.cadence import STAGES
from dunwell.policy.decide import decide
from dunwell.policy.facts import Case, Contact, Message
from dunwell.policy.merging import MOST_INVOICES, SHARED, Asking, Mail, mails_due, numbers, sends
from dunwell.policy.money import Money
from dunwell.policy.policy import default_policy
from dunwell.policy.words import ActionKind, Band, CaseStatus, HoldKind, MessageState, Stage, Track
from tests.policy.cases import PATIENT, TIGHT, case, customer, days, hold, invoice, sent, utc

POLICY = default_policy()
CAP = days(POLICY.payer.cap_days)
NEW_YEAR = utc("2026-01-01 00:00")
MONDAY = utc("2026-04-20 14:00")  # 10:00 in New York
OFFSETS = POLICY.offsets[Band.NORMAL]


def due_since(stage: Stage, at: datetime, number: str = "INV-1", **changes: Any) -> Case:
    """A case whose stage came due on the day of a moment, everything before it sent on its day."""
    anchor = at - days(OFFSETS[stage])
    before = STAGES[: STAGES.index(stage)]
    values: dict[str, Any] = {
        "anchor": anchor,
        "opened_at": anchor,
        "failed_at": anchor,
        "messages": tuple(sent(each, anchor + days(OFFSETS[each])) for each in before),
        "about": invoice(number=number),
    }
    return case(**(values | changes))


def asking(*cases: Case) -> list[Asking]:
    return [Asking(key, each, POLICY) for key, each in enumerate(cases, start=1)]


def keys_of(mails: Sequence[Mail]) -> list[list[int]]:
    return [[part.key for part in mail.parts] for mail in mails]


def test_what_is_due_together_shares_one_mail_in_the_mildest_tone() -> None:
    cases = asking(
        due_since(Stage.DIRECT, MONDAY, "INV-1"),
        due_since(Stage.NOTICE, MONDAY, "INV-2"),
        due_since(Stage.REMINDER, MONDAY, "INV-3"),
    )

    [mail] = mails_due(cases, MONDAY)

    assert mail.tone is Stage.NOTICE
    assert {part.key: part.stage for part in mail.parts} == {
        1: Stage.DIRECT,
        2: Stage.NOTICE,
        3: Stage.REMINDER,
    }
    for part in mail.parts:
        assert sends(part.decision) is part.stage
        assert "INV-1, INV-3 and INV-2, in the tone of a notice." in part.decision.because
        assert part.decision.next_look is not None


def test_what_is_due_within_the_cap_goes_along_early_and_says_when_it_would_have_left() -> None:
    soon = due_since(Stage.DIRECT, MONDAY + days(2), "INV-2")

    [mail] = mails_due(asking(due_since(Stage.REMINDER, MONDAY), soon), MONDAY)

    assert [part.key for part in mail.parts] == [1, 2]
    assert mail.parts[1].decision.because == (
        "The direct message goes along early: by itself it would leave 2026-04-22 09:00 America/New_York."
        " One mail about INV-1 and INV-2, in the tone of a reminder."
    )


def test_what_is_due_later_than_the_cap_does_not_go_along() -> None:
    later = due_since(Stage.REMINDER, MONDAY + days(3), "INV-2")

    assert keys_of(mails_due(asking(due_since(Stage.REMINDER, MONDAY), later), MONDAY)) == [[1]]


def test_a_final_message_goes_first_and_alone_when_both_came_due_at_one_moment() -> None:
    cases = asking(due_since(Stage.REMINDER, MONDAY, "INV-1"), due_since(Stage.FINAL, MONDAY, "INV-2"))

    [mail] = mails_due(cases, MONDAY)

    assert (keys_of([mail]), mail.tone) == ([[2]], Stage.FINAL)
    assert "One mail" not in mail.leader.decision.because


def test_what_waited_longer_goes_before_a_final_message() -> None:
    waited = due_since(Stage.REMINDER, MONDAY - days(3), "INV-1")
    cases = asking(due_since(Stage.FINAL, MONDAY, "INV-2"), waited)

    assert keys_of(mails_due(cases, MONDAY)) == [[2]]


def test_the_escalation_of_a_strategic_customer_is_a_call_and_keeps_no_mail_back() -> None:
    strategic = customer(strategic=True)
    cases = asking(
        due_since(Stage.ESCALATION, MONDAY, "INV-1", of=strategic),
        due_since(Stage.REMINDER, MONDAY, "INV-2", of=strategic),
    )

    assert keys_of(mails_due(cases, MONDAY)) == [[2]]


def test_other_contacts_and_other_currencies_do_not_share_a_mail() -> None:
    lee = customer(contact=Contact("Lee Park", "lee@acme.example"))
    shouted = customer(contact=Contact("Dana Reyes", "Dana@ACME.example"))
    cases = asking(
        due_since(Stage.REMINDER, MONDAY, "INV-1"),
        due_since(Stage.REMINDER, MONDAY, "INV-2", of=lee),
        due_since(Stage.REMINDER, MONDAY, about=invoice(number="INV-3", open=Money(900, "EUR"))),
        due_since(Stage.REMINDER, MONDAY, "INV-4", of=shouted),
    )

    assert keys_of(mails_due(cases, MONDAY)) == [[1, 4], [2]]


def test_at_most_twelve_invoices_share_a_mail_those_due_longest_first() -> None:
    cases = asking(*(due_since(Stage.REMINDER, MONDAY - days(7 * (n % 2)), f"INV-{n}") for n in range(20)))

    [mail] = mails_due(cases, MONDAY)

    assert len(mail.parts) == MOST_INVOICES
    assert [part.key for part in mail.parts] == [*range(2, 21, 2), 1, 3]


def test_what_is_held_with_a_person_personal_or_on_its_way_does_not_go_along() -> None:
    waiting = due_since(Stage.REMINDER, MONDAY, "INV-2")
    on_its_way = (*waiting.messages, sent(Stage.REMINDER, MONDAY, MessageState.QUEUED))
    for other in (
        replace(waiting, holds=(hold(MONDAY - days(1)),)),
        replace(waiting, status=CaseStatus.REVIEW),
        replace(waiting, status=CaseStatus.ESCALATED),
        replace(waiting, track=Track.PERSONAL),
        replace(waiting, invoice=replace(waiting.invoice, in_flight=True)),
        replace(waiting, messages=on_its_way),
        replace(waiting, customer=customer(contact=None)),
    ):
        assert keys_of(mails_due(asking(due_since(Stage.REMINDER, MONDAY), other), MONDAY)) == [[1]]


def test_what_waits_for_the_morning_after_a_hold_or_promise_is_not_brought_forward() -> None:
    waiting = due_since(Stage.REMINDER, MONDAY, "INV-2")
    for kind in (HoldKind.PAUSE, HoldKind.PROMISE):
        ended = hold(MONDAY - days(2), MONDAY - days(0.1), kind=kind, ended_at=MONDAY - days(0.1))
        other = replace(waiting, holds=(ended,))
        assert keys_of(mails_due(asking(due_since(Stage.REMINDER, MONDAY), other), MONDAY)) == [[1]]


def test_at_night_only_notices_share_a_mail() -> None:
    night = utc("2026-04-20 06:00")
    cases = asking(
        due_since(Stage.NOTICE, night, "INV-1"),
        due_since(Stage.NOTICE, night, "INV-2"),
        due_since(Stage.REMINDER, night, "INV-3"),
    )

    assert keys_of(mails_due(cases, night)) == [[1, 2]]


def test_nothing_is_said_to_a_contact_who_was_written_to_within_the_cap() -> None:
    written = MONDAY - days(1)
    cases = asking(
        due_since(Stage.REMINDER, MONDAY, "INV-1", payer_written_at=written),
        due_since(Stage.DIRECT, MONDAY, "INV-2", payer_written_at=written),
    )

    assert mails_due(cases, MONDAY) == ()


def test_of_two_escalations_due_at_one_moment_the_second_goes_without_a_mail() -> None:
    cases = [due_since(Stage.ESCALATION, MONDAY, "INV-1"), due_since(Stage.ESCALATION, MONDAY, "INV-2")]

    [mail] = mails_due(asking(*cases), MONDAY)
    second = replace(cases[1], payer_written_at=MONDAY)

    assert keys_of([mail]) == [[1]]
    assert mails_due([Asking(2, second, POLICY)], MONDAY) == ()
    assert [action.kind for action in decide(second, POLICY, MONDAY).actions] == [
        ActionKind.ESCALATE,
        ActionKind.REVIEW,
        ActionKind.SKIP,
    ]


def test_numbers_are_written_as_a_phrase() -> None:
    cases = [case(about=invoice(number=f"INV-{n}")) for n in (1, 2, 3)]

    assert numbers(cases[:1]) == "INV-1"
    assert numbers(cases[:2]) == "INV-1 and INV-2"
    assert numbers(cases) == "INV-1, INV-2 and INV-3"


@dataclass
class Payer:
    """A customer whose invoices fail one after another and who never pays; everything sent is written down."""

    cases: list[Case]
    now: datetime = NEW_YEAR
    mails: list[tuple[datetime, str, Mail]] = field(default_factory=list)
    handed: dict[int, datetime] = field(default_factory=dict)
    written: dict[str, dict[int, datetime]] = field(default_factory=lambda: defaultdict(dict))

    def seen(self, key: int) -> Case:
        each = self.cases[key]
        assert each.customer.contact is not None
        others = [at for other, at in self.written[each.customer.contact.email].items() if other != key]
        return replace(each, payer_written_at=max(others, default=None))

    def go(self) -> None:
        """Look at every alarm until each case has said all it has to say."""
        alarms = {key: each.anchor for key, each in enumerate(self.cases)}
        for _ in range(2_000):
            if not alarms:
                return
            self.now = max(self.now, min(alarms.values()))
            opened = [key for key, each in enumerate(self.cases) if each.anchor <= self.now]
            asked = [Asking(key, self.seen(key), POLICY) for key in opened]
            found = mails_due(asked, self.now)
            assert found == mails_due(asked[::-1], self.now)
            for mail in found:
                self._send(mail)
            for key in opened:
                decision = decide(self.seen(key), POLICY, self.now)
                alarms.pop(key, None)
                if decision.rule == "escalate":
                    # The contact was written to lately, about another invoice perhaps a moment ago: no mail.
                    assert sends(decision) is None
                    self._hand_over(key)
                if decision.next_look is not None:
                    alarms[key] = decision.next_look
        raise AssertionError("the payer is never done with")

    def _send(self, mail: Mail) -> None:
        contact = self.cases[mail.leader.key].customer.contact
        assert contact is not None
        self.mails.append((self.now, contact.email, mail))
        for part in mail.parts:
            each = self.cases[part.key]
            assert each.customer.contact == contact
            self.written[contact.email][part.key] = self.now
            messages = (*each.messages, Message(part.stage, self.now, MessageState.SENT))
            if part.stage is Stage.ESCALATION:
                self._hand_over(part.key)
            self.cases[part.key] = replace(self.cases[part.key], messages=messages)

    def _hand_over(self, key: int) -> None:
        self.handed[key] = self.now
        before = replace(self.cases[key], payer_written_at=None)
        # A minute earlier it was not due, whatever else was written to the contact.
        assert decide(before, POLICY, self.now - timedelta(minutes=1)).rule == "too_early"
        self.cases[key] = replace(self.cases[key], status=CaseStatus.ESCALATED)


failures = st.tuples(
    st.integers(0, 40 * 24),
    st.sampled_from(["USD", "USD", "USD", "EUR"]),
    st.sampled_from(["dana", "dana", "lee"]),
)


def payer(found: Sequence[tuple[int, str, str]], record: Any) -> Payer:
    cases = []
    for number, (hour, currency, name) in enumerate(sorted(found)):
        anchor = NEW_YEAR + timedelta(hours=hour)
        who = customer(record=record, contact=Contact(name.title(), f"{name}@acme.example"))
        about = invoice(number=f"INV-{number}", open=Money(100, currency))
        cases.append(case(of=who, about=about, anchor=anchor, opened_at=anchor, failed_at=anchor))
    return Payer(cases)


payers = st.builds(
    payer,
    st.lists(failures, min_size=1, max_size=6),
    st.sampled_from([customer().record, PATIENT, TIGHT]),
)


@settings(max_examples=30)
@given(payers)
def test_no_contact_gets_two_mails_within_the_cap(of: Payer) -> None:
    of.go()

    for contact in {to for _, to, _ in of.mails}:
        times = [at for at, to, _ in of.mails if to == contact]
        assert all(after - before >= CAP for before, after in pairwise(times))


@settings(max_examples=30)
@given(payers)
def test_every_invoice_goes_through_all_its_stages_in_order_and_none_is_starved(of: Payer) -> None:
    of.go()

    for key in range(len(of.cases)):
        stages = [part.stage for _, _, mail in of.mails for part in mail.parts if part.key == key]
        assert stages in (list(STAGES), list(STAGES[:-1]))
    # Whoever is due waits for those that were due before, and for a notice that came at night.
    for place, (_, to, mail) in enumerate(of.mails):
        ahead = [each for each in of.mails[:place] if each[1] == to]
        rivals = (
            sum(1 for each in of.cases if each.customer.contact and each.customer.contact.email == to) - 1
        )
        for part in mail.parts:
            since = _due_since(of.cases[part.key], part.stage)
            assert sum(1 for at, _, _ in ahead if at >= since) <= 2 * rivals


def _due_since(of: Case, stage: Stage) -> datetime:
    """When a stage of a case that is over came due by its day and the message before it."""
    band = Band.NORMAL if of.customer.record == customer().record else None
    band = band or (Band.PATIENT if of.customer.record == PATIENT else Band.TIGHT)
    at = of.anchor + days(POLICY.offsets[band][stage] + 5)  # no longer than a weekend and a holiday later
    before = [message.at for message in of.messages[: STAGES.index(stage)]]
    return max([at, *(sent_at + POLICY.gaps[band][stage] + days(5) for sent_at in before[-1:])])


@settings(max_examples=30)
@given(payers)
def test_an_escalation_never_waits_for_the_cap(of: Payer) -> None:
    of.go()

    # `Payer` holds each hand-over to the very moment at which it is due.
    assert sorted(of.handed) == list(range(len(of.cases)))
    assert all(each.status is CaseStatus.ESCALATED for each in of.cases)


@settings(max_examples=30)
@given(payers)
def test_the_tone_is_never_harsher_than_any_stage_and_a_last_message_is_alone(of: Payer) -> None:
    of.go()

    for _, _, mail in of.mails:
        stages = [part.stage for part in mail.parts]
        assert STAGES.index(mail.tone) == min(map(STAGES.index, stages))
        assert len(stages) == 1 or set(stages) <= SHARED
        assert len({of.cases[part.key].invoice.open.currency for part in mail.parts}) == 1


@settings(max_examples=30)
@given(payers)
def test_no_invoice_gets_two_messages_inside_its_own_gap(of: Payer) -> None:
    of.go()

    for each in of.cases:
        band = Band.PATIENT if each.customer.record == PATIENT else Band.NORMAL
        band = Band.TIGHT if each.customer.record == TIGHT else band
        for before, after in pairwise(each.messages):
            assert after.at - before.at >= POLICY.gaps[band][after.stage]
