"""Cases and everything that hangs on one."""

from django.db import models
from django.db.models import Q

from dunwell.policy import words
from dunwell.store.models.choices import choices
from dunwell.store.models.parties import Customer, Invoice, PolicyVersion


class Case(models.Model):
    """One invoice in arrears. `due_at` is its alarm: look again then."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="cases")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="cases")
    policy = models.ForeignKey(PolicyVersion, models.PROTECT)
    track = models.CharField(max_length=16, null=True, choices=choices(words.Track))
    track_chosen = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=choices(words.CaseStatus))
    ending = models.CharField(max_length=16, null=True, choices=choices(words.Ending))
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    anchor_at = models.DateTimeField()
    failed_at = models.DateTimeField(null=True)
    reason_code = models.CharField(max_length=100, default="")
    reason_class = models.CharField(max_length=10, default="", choices=choices(words.RetryClass))
    reason_sentence = models.CharField(max_length=300, default="")
    reason_known = models.BooleanField(default=True)
    due_at = models.DateTimeField(null=True)
    because = models.TextField(default="")
    opened_minor = models.BigIntegerField()
    uses_ledger = models.BooleanField(default=False)
    gathered_at = models.DateTimeField(null=True)
    missing = models.JSONField(default=list)
    collection = models.CharField(
        max_length=10, default=words.CollectionOwner.STRIPE.value, choices=choices(words.CollectionOwner)
    )
    taken_over_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    reopened_at = models.DateTimeField(null=True)
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
        "reopened_at",
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
    """Why a case, or all cases of a customer, wait. Active from `start_at` until `until_at` or `ended_at`.

    `instalments` of a payment plan: `{"due": date, "minor": amount, "left": amount}` in the invoice's currency.
    """

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="holds")
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="holds")
    kind = models.CharField(max_length=16, choices=choices(words.HoldKind))
    start_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, default="")
    instalments = models.JSONField(default=list)


class PaymentAttempt(models.Model):
    """A try to collect an invoice: ours, Stripe's or the customer's own."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="attempts")
    key = models.CharField(max_length=255, unique=True)
    at = models.DateTimeField()
    trigger = models.CharField(max_length=16, choices=choices(words.AttemptTrigger))
    outcome = models.CharField(max_length=16, choices=choices(words.AttemptOutcome))
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
    state = models.CharField(max_length=10, choices=choices(words.LetterState))
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
    kind = models.CharField(max_length=20, choices=choices(words.ReviewKind))
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
