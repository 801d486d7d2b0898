"""Words that have no place in a message, and what a stage has to say, as data (spec 1.1, 1.2).

Phrases are words with single blanks; a `*` ends a word whose ending does not matter. They are compared
with `readable.folded` text, so case, accents and line breaks play no part.
"""

import re
from dataclasses import dataclass

from dunwell.policy.lists import phrase_list, word_set
from dunwell.policy.words import Stage, Track

OVERDUE = phrase_list(
    """
    overdue, over due, past due, past its due date, past the due date, past your due date,
    late, lateness, delinquen*, arrears, in default, defaulted, belated*, tardy, dilatory, missed
    payment*, missed the due date, missed your due date, missed its due date, behind on payment*, behind
    on your payment*, behind with payment*, behind with your payment*, beyond its due date, beyond the
    due date, after its due date, after the due date, after your due date, long outstanding
    """
)
THREATS = phrase_list(
    """
    suspend*, suspension*, interrupt*, terminat*, deactivat*, disconnect*, discontinu*, cut off, cutting
    off, cutoff, cuts off, shut off, shut down, shutting off, shutting down, shutoff, switch off,
    switched off, switching off, turn off, turned off, lock you out, locked out, lose access, losing
    access, loss of access, restrict your, restrict access, revoke your access, revoke access, block
    your account, block your access, disable your, close your account, closing your account, cancel your
    account, cancel your service, cancel your subscription, cancel the service, downgrade your, stop
    your service, stop the service, consequences, penalty, penalties, late fee*, or else, last chance,
    last warning, final warning, final notice, final demand, final reminder, forced to, no choice but,
    no alternative but, failure to pay, credit rating, credit score, report you, further action, further
    steps, take action, take measures
    """
)
LEGAL = phrase_list(
    """
    lawyer*, attorney*, solicitor*, barrister*, court*, sue, sued, suing, lawsuit*, litigat*, legal
    action*, legal step*, legal proceeding*, legal measure*, legal department, legal team, legal
    consequence*, legal counsel, prosecut*, bailiff*, police, collection agency, collection agencies,
    collections agency, collections agencies, collection agent*, collections, debt collect*, debt
    recovery, credit bureau*, credit report*, statutory demand, winding up, insolvency petition, small
    claims, injunction*, judgment*, judgement*, breach of contract
    """
)
INSULTS = phrase_list(
    """
    deadbeat*, thief, thieves, steal, stealing, stolen, theft, dishonest*, liar*, lying, scam*, fraud*,
    cheat*, criminal*, crook*, idiot*, stupid*, incompetent*, incompetence, irresponsib*, shame*,
    disgrace*, pathetic, careless*, negligen*, unprofessional*, ridiculous*, unacceptable, disrespect*,
    ignoring us, ignored us, lazy, freeload*
    """
)
PRESSURE = phrase_list(
    """
    urgent*, urgency, immediate*, asap, as soon as possible, right away, at once, without delay, final
    notice, final reminder, last notice, last reminder, final demand, final warning, last warning
    """
)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something a stage has to say; `pattern` searches the folded text. `failed_only`: after a failed charge."""

    says: str
    pattern: re.Pattern[str]
    failed_only: bool = False


DUTIES: dict[Stage, tuple[Duty, ...]] = {
    Stage.NOTICE: (
        Duty(
            "that the charge is retried by itself once the details are updated",
            re.compile(
                r"\bretr(?:y|ies|ied)\b|\btry (?:\w+ ){0,3}again\b|\bcharge[^.]{0,60}(?:again|automatically|itself)"
            ),
            failed_only=True,
        ),
    ),
    Stage.REMINDER: (Duty("that a bank transfer is possible", re.compile(r"\btransfer|\bwire\b|\bach\b")),),
    Stage.DIRECT: (
        Duty(
            "that the customer can raise a dispute or agree a date by replying",
            re.compile(
                r"\bdisput|\bdisagree|\bcontest|\bdifferent date|\banother date|\bother date|\btiming|\bnot agree"
            ),
        ),
    ),
    Stage.FINAL: (
        Duty(
            "what happens otherwise: an interruption of the service",
            re.compile(r"\b(?:interrupt|suspen|paus|restrict|switch\w* off|stop)\w*"),
        ),
        Duty("that a payment plan can be discussed", re.compile(r"\bpayment plan|\binstal")),
    ),
    Stage.ESCALATION: (
        Duty(
            "that a person has taken over",
            re.compile(r"\b(?:in person|personally|a person|taken (?:this|it) over|take over)"),
        ),
        Duty("what blocks the payment, as a question", re.compile(r"\?")),
    ),
}

REPLIES_REACH = re.compile(
    r"\brepl(?:y|ies|ying)\b[^.!?]{0,80}\b(?:me|us|reach|reaches|read|reads|mail|email|message|directly)\b"
    r"|\b(?:write|answer) (?:back )?to me\b"
)
REPLIES_DO_NOT = re.compile(
    r"\b(?:do not|don't|cannot|can't|please never) (?:reply|respond|answer)\b"
    r"|\bno-?reply\b|\brepl(?:y|ies)\b[^.!?]{0,40}\b(?:not|never)\b[^.!?]{0,20}\b(?:monitored|read|seen|answered|received|reach)"
    r"|\bunmonitored\b|\bunattended mailbox\b"
)

# Local parts that belong to a desk. Long ones count anywhere in the local part, short ones only alone.
SHARED_ANYWHERE = word_set(
    """
    billing accounts accounting receivable receivables payable payables finance noreply donotreply
    invoices invoice invoicing payments support collections notifications notification mailer team
    helpdesk customerservice customercare newsletter creditcontrol dunning postmaster mailerdaemon
    buchhaltung rechnung rechnungen facturation facturacion contabilidad comptabilite
    """
)
SHARED_ALONE = word_set(
    """
    ar ap info hello hi office mail contact admin administrator sales service services account credit
    help desk ops operations enquiries inquiries webmaster root revenue revops kontakt robot bot system
    """
)
NOT_A_PERSON = word_set(
    """
    billing accounts accounting receivable receivables payable finance payments invoices invoicing
    support team department collections noreply service services customer desk office notifications inc
    llc ltd gmbh
    """
)


def word_rules(stage: Stage | None, track: Track) -> dict[str, tuple[str, ...]]:
    """Return the forbidden phrases by rule name for a stage of the standard track, or for a personal mail."""
    rules = {"legal_threat": LEGAL, "insult": INSULTS}
    if track is Track.PERSONAL:
        return rules | {"overdue_word": OVERDUE, "pressure": PRESSURE, "threat": THREATS}
    if stage in (Stage.NOTICE, Stage.REMINDER):
        rules["overdue_word"] = OVERDUE
    if stage in (Stage.NOTICE, Stage.REMINDER, Stage.DIRECT):
        rules["threat"] = THREATS
    return rules
