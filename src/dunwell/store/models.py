"""The tables. They keep facts and hold no rules: no methods that decide, no `save()` hooks, no signals."""

from enum import StrEnum

from django.db import models
from django.db.models import Q

from dunwell.policy import words


def _choices(words_of: type[StrEnum]) -> list[tuple[str, str]]:
    return [(word.value, word.value.replace("_", " ")) for word in words_of]


class PolicyVersion(models.Model):
    """A policy with its message templates, exactly as it was when cases were opened under it."""

    version = models.CharField(max_length=80, primary_key=True)
    text = models.TextField()
    wording = models.JSONField(default=dict)
    first_used_at = models.DateTimeField()


class Customer(models.Model):
    """A company that owes, as last read. Nullable fields are unknown, not empty."""

    external_id = models.CharField(max_length=255, unique=True)
    name = models.CharField(max_length=500)
    country = models.CharField(max_length=2, null=True)
    subdivision = models.CharField(max_length=10, null=True)
    timezone = models.CharField(max_length=64, null=True)
    mrr_currency = models.CharField(max_length=3, null=True)
    mrr_minor = models.JSONField(null=True)
    mrr_source = models.CharField(max_length=100, default="")
    mrr_as_of = models.DateField(null=True)
    tenure_months = models.IntegerField(null=True)
    invoices_paid = models.IntegerField(null=True)
    invoices_on_time = models.IntegerField(null=True)
    failures_90d = models.IntegerField(null=True)
    strategic = models.BooleanField(default=False)
    owner_name = models.CharField(max_length=200, default="")
    owner_email = models.CharField(max_length=320, default="")
    warnings = models.JSONField(default=list)
    ledger_id = models.CharField(max_length=40, default="")
    crm_status = models.CharField(max_length=200, default="")
    read_at = models.DateTimeField()


class Contact(models.Model):
    """A person at the customer we may write to; the first deliverable one by rank is used."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="contacts")
    rank = models.SmallIntegerField(default=0)
    name = models.CharField(max_length=200, default="")
    email = models.CharField(max_length=320)
    source = models.CharField(max_length=100)
    deliverable = models.BooleanField(default=True)
    ledger_id = models.CharField(max_length=40, default="")

    class Meta:
        """One row per address and customer."""

        constraints = [models.UniqueConstraint(fields=["customer", "email"], name="contact_once")]


class Invoice(models.Model):
    """An invoice as last read at the ledger."""

    external_id = models.CharField(max_length=255, unique=True)
    number = models.CharField(max_length=255, db_index=True)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices")
    open_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=_choices(words.InvoiceStatus))
    due_on = models.DateField(null=True)
    rail = models.CharField(max_length=16, choices=_choices(words.Rail))
    in_flight = models.BooleanField(default=False)
    charged_back = models.BooleanField(default=False)
    auto_advance = models.BooleanField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    ledger_id = models.CharField(max_length=40, default="")
    ledger_status = models.CharField(max_length=16, default="", choices=_choices(words.InvoiceStatus))
    ledger_open_minor = models.BigIntegerField(null=True)
    ledger_read_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField()


class Case(models.Model):
    """One invoice in arrears. `due_at` is its alarm: look again then."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="cases")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="cases")
    policy = models.ForeignKey(PolicyVersion, models.PROTECT)
    track = models.CharField(max_length=16, null=True, choices=_choices(words.Track))
    track_chosen = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=_choices(words.CaseStatus))
    ending = models.CharField(max_length=16, null=True, choices=_choices(words.Ending))
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    anchor_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=100, default="")
    reason_class = models.CharField(max_length=10, default="", choices=_choices(words.RetryClass))
    reason_sentence = models.CharField(max_length=300, default="")
    reason_known = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True)
    because = models.TextField(default="")
    opened_minor = models.BigIntegerField()
    uses_ledger = models.BooleanField(default=False)
    gathered_at = models.DateTimeField(null=True)
    missing = models.JSONField(default=list)
    collection = models.CharField(
        max_length=10, default=words.CollectionOwner.STRIPE.value, choices=_choices(words.CollectionOwner)
    )
    taken_over_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    chain_length = models.IntegerField(default=0)
    chain_head = models.CharField(max_length=64, default="")

    # Columns that a look at a case leaves alone, and what they held when it was read to be looked at: what
    # is the same need not be written.
    STEADY = (
        "track",
        "track_chosen",
        "anchor_at",
        "failed_at",
        "reason_code",
        "reason_class",
        "reason_sentence",
        "reason_known",
        "uses_ledger",
        "gathered_at",
        "missing",
        "collection",
        "taken_over_at",
        "proved_at",
    )
    as_read: tuple[object, ...] | None = None

    class Meta:
        """One open case per invoice, ever; the alarm is found by index, whatever else is open."""

        constraints = [
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(closed_at__isnull=True), name="one_open_case_per_invoice"
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, ending__isnull=True)
                | Q(closed_at__isnull=False, ending__isnull=False),
                name="closed_with_an_ending",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(due_at__isnull=False), name="case_alarm"),
            models.Index(fields=["status", "opened_at"], name="case_by_status"),
            models.Index(fields=["anchor_at", "id"], name="case_by_age"),
        ]


class Hold(models.Model):
    """Why a case, or all cases of a customer, wait. Active from `start_at` until `until_at` or `ended_at`."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="holds")
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="holds")
    kind = models.CharField(max_length=16, choices=_choices(words.HoldKind))
    start_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, default="")


class PaymentAttempt(models.Model):
    """A try to collect an invoice: ours, Stripe's or the customer's own."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="attempts")
    key = models.CharField(max_length=255, unique=True)
    at = models.DateTimeField()
    trigger = models.CharField(max_length=16, choices=_choices(words.AttemptTrigger))
    outcome = models.CharField(max_length=16, choices=_choices(words.AttemptOutcome))
    method = models.CharField(max_length=255, default="")
    code = models.CharField(max_length=100, default="")
    sentence = models.CharField(max_length=300, default="")

    class Meta:
        """How often a method was tried lately is found by index."""

        indexes = [models.Index(fields=["method", "at"], condition=~Q(method=""), name="attempt_by_method")]


class Letter(models.Model):
    """A personal mail of a case, from draft to proof (spec 1.2). `version` grows with every change of its text.

    `owner_until` is when the relationship owner's time to veto is over. `via` is what it left through, `sender_name`
    and `sender_email` are whom it was handed over from, `reason_code` is the decline the text was written about.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="letters")
    number = models.SmallIntegerField()
    state = models.CharField(max_length=10, choices=_choices(words.LetterState))
    version = models.IntegerField(default=1)
    to_name = models.CharField(max_length=200)
    to_address = models.CharField(max_length=320)
    to_ledger_id = models.CharField(max_length=40, default="")
    cc_name = models.CharField(max_length=200, default="")
    cc_address = models.CharField(max_length=320, default="")
    subject = models.CharField(max_length=500)
    text = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason_code = models.CharField(max_length=100, default="")
    drafted_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    edited_by = models.CharField(max_length=150, default="")
    owner_until = models.DateTimeField(null=True)
    owner_agreed_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.CharField(max_length=150, default="")
    sent_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    via = models.CharField(max_length=10, default="")
    sender_name = models.CharField(max_length=200, default="")
    sender_email = models.CharField(max_length=320, default="")
    author_ledger_id = models.CharField(max_length=40, default="")
    record_id = models.CharField(max_length=40, default="")
    note = models.TextField(default="")

    class Meta:
        """At most one a case that has neither left for good nor been withdrawn.

        Whoever signs letters holds the permission to approve them.
        """

        permissions = [("approve_letter", "Can approve a personal mail")]
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                condition=Q(state__in=["draft", "approved", "leaving", "in_doubt"]),
                name="one_letter_at_a_time",
            ),
        ]


class OutboxItem(models.Model):
    """An effect to perform: a mail, a charge, a call at a vendor. `key` is unique for ever: nothing happens twice.

    `due_at` is when to perform it or, while a worker has it, when that worker's lease runs out.
    """

    MAIL = "mail"
    CHARGE = "charge"
    GATHER = "gather"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    OWNER_NOTE = "owner_note"
    LETTER = "letter"
    CONFIRM = "confirm"
    CALL = "call"
    KINDS = (MAIL, CHARGE, GATHER, TAKE_OVER, HAND_BACK, OWNER_NOTE, LETTER, CONFIRM, CALL)

    key = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    case = models.ForeignKey(Case, models.PROTECT, related_name="outbox")
    stage = models.CharField(max_length=16, default="", choices=_choices(words.Stage))
    state = models.CharField(max_length=16, choices=_choices(words.MessageState))
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=64, default="")
    tries = models.IntegerField(default=0)
    settled_at = models.DateTimeField(null=True)
    to_name = models.CharField(max_length=200, default="")
    to_address = models.CharField(max_length=320, default="")
    subject = models.CharField(max_length=500, default="")
    text = models.TextField(default="")
    html = models.TextField(default="")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method = models.CharField(max_length=255, default="")
    trigger = models.CharField(max_length=16, default="", choices=_choices(words.AttemptTrigger))
    letter = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="effects")
    note = models.TextField(default="")

    class Meta:
        """What is due is found by index; so is the last message to an address.

        One mail a stage, ever; one way out for a letter, ever.
        """

        constraints = [
            models.UniqueConstraint(
                fields=["case", "stage"],
                condition=Q(kind="mail") & ~Q(state="stopped"),
                name="one_mail_per_stage",
            ),
            models.UniqueConstraint(
                fields=["letter"],
                condition=Q(kind="letter") & ~Q(state="stopped"),
                name="one_way_out_per_letter",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state__in=["queued", "claimed", "handing_over"]),
                name="outbox_alarm",
            ),
            models.Index(fields=["to_address", "queued_at"], name="outbox_by_address"),
        ]


class InboxEvent(models.Model):
    """A fact from outside, stored once per source and external id, exactly as it arrived."""

    WAITING, HANDLED, IGNORED, FAILED = "waiting", "handled", "ignored", "failed"

    source = models.CharField(max_length=20)
    external_id = models.CharField(max_length=255)
    type = models.CharField(max_length=100)
    body = models.TextField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, default=WAITING)
    tries = models.IntegerField(default=0)
    due_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, default="")

    class Meta:
        """Stored once; the waiting ones are found by index."""

        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="inbox_once")]
        indexes = [models.Index(fields=["due_at", "id"], condition=Q(state="waiting"), name="inbox_waiting")]


class TimelineEntry(models.Model):
    """One thing that happened to a case. Append-only; each entry carries the hash of the one before it."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="timeline")
    seq = models.IntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    actor = models.CharField(max_length=200)
    summary = models.TextField()
    detail = models.JSONField(default=dict)
    policy = models.CharField(max_length=80)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        """A case has one entry per place in its chain: two writers cannot fork it."""

        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="timeline_chain")]


class ReviewItem(models.Model):
    """Something that needs a person."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="reviews")
    kind = models.CharField(max_length=20, choices=_choices(words.ReviewKind))
    opened_at = models.DateTimeField()
    reason = models.TextField()
    proposal = models.TextField(default="")
    assigned_to = models.CharField(max_length=150, default="")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, default="")
    resolution = models.TextField(default="")

    class Meta:
        """One open item of a kind per case."""

        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind"], condition=Q(closed_at__isnull=True), name="one_open_review_of_a_kind"
            )
        ]
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(closed_at__isnull=True), name="review_open")
        ]


class SweepMark(models.Model):
    """How far a sweep of a source has come."""

    source = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()
