"""Who owes what, and the policy they are written to under."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper

from dunwell.policy import words
from dunwell.store.models.choices import choices


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
    undeliverable_because = models.CharField(max_length=300, default="")
    ledger_id = models.CharField(max_length=40, default="")

    class Meta:
        """One row per address and customer; whose an address is, and whether it is dead, is found by index."""

        constraints = [models.UniqueConstraint(fields=["customer", "email"], name="contact_once")]
        indexes = [
            models.Index(Upper("email"), name="contact_by_address"),
            models.Index(fields=["email"], condition=Q(deliverable=False), name="contact_dead"),
        ]


class Invoice(models.Model):
    """An invoice as last read at the ledger."""

    external_id = models.CharField(max_length=255, unique=True)
    number = models.CharField(max_length=255, db_index=True)
    source = models.CharField(
        max_length=10, default=words.InvoiceSource.STRIPE.value, choices=choices(words.InvoiceSource)
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="invoices")
    open_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=choices(words.InvoiceStatus))
    due_on = models.DateField(null=True)
    rail = models.CharField(max_length=16, choices=choices(words.Rail))
    in_flight = models.BooleanField(default=False)
    in_flight_since = models.DateTimeField(null=True)
    charged_back = models.BooleanField(default=False)
    auto_advance = models.BooleanField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    ledger_id = models.CharField(max_length=40, default="")
    ledger_status = models.CharField(max_length=16, default="", choices=choices(words.InvoiceStatus))
    ledger_open_minor = models.BigIntegerField(null=True)
    ledger_read_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField()
