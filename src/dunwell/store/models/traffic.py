"""What comes in and what goes out."""

from django.db import models
from django.db.models import Q

from dunwell.policy import words
from dunwell.store.models.case import Case, Letter
from dunwell.store.models.choices import choices


class IncomingMail(models.Model):
    """A mail that came in, once, however often and by whichever way it came (`fingerprint`).

    Text and HTML are as a stranger wrote them; the HTML was sanitised at the door. `reading_*` is a proposal,
    `decided_*` is what a person made of it. `start` and `end` are where the proposal's words stand in `own`.
    `cases` are all that it holds or is told of; `about` those of them, by id, that it seems to be about.
    """

    source = models.CharField(max_length=20)
    external_id = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=255, default="", db_index=True)
    references = models.JSONField(default=list)
    sender_name = models.CharField(max_length=200, default="")
    sender_address = models.CharField(max_length=320, default="", db_index=True)
    recipients = models.JSONField(default=list)
    subject = models.CharField(max_length=500, default="")
    text = models.TextField(default="")
    own = models.TextField(default="")
    html = models.TextField(default="")
    automatic = models.CharField(max_length=200, default="")
    is_report = models.BooleanField(default=False)
    reports = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    nature = models.CharField(max_length=10, default="", choices=choices(words.MailNature))
    state = models.CharField(max_length=10, choices=choices(words.MailState))
    matched_by = models.CharField(max_length=10, default="", choices=choices(words.MatchedBy))
    cases = models.ManyToManyField(Case, related_name="mails")
    about = models.JSONField(default=list)
    reading_kind = models.CharField(max_length=20, default="")
    reading_date = models.DateField(null=True)
    reading_words = models.TextField(default="")
    reading_start = models.IntegerField(null=True)
    reading_end = models.IntegerField(null=True)
    reading_why = models.TextField(default="")
    reading_notes = models.JSONField(default=list)
    decided_kind = models.CharField(max_length=20, default="")
    decided_date = models.DateField(null=True)
    decided_by = models.CharField(max_length=150, default="")
    decided_at = models.DateTimeField(null=True)

    class Meta:
        """What waits for a person is found by index."""

        indexes = [
            models.Index(fields=["received_at"], condition=Q(state="arrived"), name="mail_arrived"),
            models.Index(fields=["received_at"], condition=Q(state="unmatched"), name="mail_unmatched"),
        ]


class Attachment(models.Model):
    """A file that came with a mail, exactly as it came. Never shown, only handed out to be saved."""

    mail = models.ForeignKey(IncomingMail, models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size = models.IntegerField()
    content = models.BinaryField()


class OutboxItem(models.Model):
    """An effect to perform: a mail, a charge, a call at a vendor. `key` is unique for ever: nothing happens twice.

    `due_at` is when to perform it or, while a worker has it, when that worker's lease runs out. `message_id` is the
    Message-ID under which a mail left, `provider_id` what a mail provider calls it. A mail about several invoices
    has a row for each: those `carried_by` another, by its key, leave with it, share its fate and are never performed
    themselves.
    `reply` is the mail that an answer answers.
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
    ANSWER = "answer"
    KINDS = (MAIL, CHARGE, GATHER, TAKE_OVER, HAND_BACK, OWNER_NOTE, LETTER, CONFIRM, CALL, ANSWER)

    key = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS])
    case = models.ForeignKey(Case, models.PROTECT, related_name="outbox")
    stage = models.CharField(max_length=16, default="", choices=choices(words.Stage))
    state = models.CharField(max_length=16, choices=choices(words.MessageState))
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
    trigger = models.CharField(max_length=16, default="", choices=choices(words.AttemptTrigger))
    letter = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="effects")
    message_id = models.CharField(max_length=255, default="")
    provider_id = models.CharField(max_length=255, default="")
    carried_by = models.CharField(max_length=255, default="")
    reply = models.ForeignKey(IncomingMail, models.PROTECT, null=True, related_name="answers")
    note = models.TextField(default="")

    class Meta:
        """What is due is found by index; so is the last message to an address.

        One mail a stage, ever; one way out for a letter, ever.
        """

        constraints = [
            models.UniqueConstraint(
                fields=["case", "stage"],
                condition=Q(kind="mail") & ~Q(state__in=["stopped", "bounced"]),
                name="one_mail_per_stage",
            ),
            models.UniqueConstraint(
                fields=["letter"],
                condition=Q(kind="letter") & ~Q(state="stopped"),
                name="one_way_out_per_letter",
            ),
            models.UniqueConstraint(
                fields=["reply"],
                condition=Q(kind="answer") & ~Q(state__in=["stopped", "refused"]),
                name="one_answer_per_mail",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                condition=Q(state__in=["queued", "claimed", "handing_over"], carried_by=""),
                name="outbox_alarm",
            ),
            models.Index(fields=["carried_by"], condition=~Q(carried_by=""), name="outbox_carried"),
            models.Index(fields=["message_id"], condition=~Q(message_id=""), name="outbox_by_message_id"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="outbox_by_provider_id"),
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


class SweepMark(models.Model):
    """How far a sweep of a source has come; `place` is where, for a source that is not read by time."""

    source = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()
    place = models.CharField(max_length=200, default="")
