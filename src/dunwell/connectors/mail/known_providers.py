"""The mail providers Dunwell can send through and hear from, and how they differ. Pure; imports nothing of theirs.

Sending and reading their calls is django-anymail's part (15.2); the names of options are its settings' names in
lower case. What a provider does with a mail is from its own documentation and from django-anymail's notes on it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `name` is as django-anymail spells it.

    `needs` and `takes` are the options for sending. `signs_tracking` and `signs_inbound` name the option with the
    key that its calls are signed with, where there is one; `must_sign`: without that key no call can be trusted.
    `inbound`: its call about a mail brings the whole mail. `keeps_message_id`: a Message-ID of ours reaches the
    customer. `returns_metadata`: what we attach to a mail comes back in calls about it. `tracks_by_mail`: each mail
    can say that opens and clicks are not to be tracked. `replaces` are marks in a text that it would put something
    else in place of.
    """

    name: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ("api_url",)
    signs_tracking: str = ""
    signs_inbound: str = ""
    must_sign: bool = False
    webhook_takes: tuple[str, ...] = ()
    inbound: bool = True
    keeps_message_id: bool = True
    returns_metadata: bool = True
    tracks_by_mail: bool = True
    replaces: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """All options it knows, those of its calls to us included."""
        calls = (self.signs_tracking, self.signs_inbound, *self.webhook_takes)
        return tuple(dict.fromkeys(option for option in (*self.needs, *self.takes, *calls) if option))

    def signing_option(self, what: str) -> str:
        """The option with the key of its calls about `what` ("inbound" or "tracking"); empty: it signs none."""
        return self.signs_inbound if what == "inbound" else self.signs_tracking


PROVIDERS: dict[str, Provider] = {
    "brevo": Provider(
        "Brevo",
        needs=("api_key",),
        inbound=False,  # attachments would have to be fetched while its call waits
        keeps_message_id=False,
        tracks_by_mail=False,
        replaces=("{{", "{%"),
    ),
    "mailersend": Provider(
        "MailerSend",
        needs=("api_token",),
        signs_tracking="signing_secret",
        signs_inbound="inbound_secret",
        must_sign=True,
        keeps_message_id=False,
        returns_metadata=False,
        replaces=("{{", "{%", "{$"),
    ),
    "mailgun": Provider(
        "Mailgun",
        needs=("api_key",),
        takes=("sender_domain", "api_url"),
        signs_tracking="webhook_signing_key",
        signs_inbound="webhook_signing_key",
        must_sign=True,
        replaces=("%recipient", "%unsubscribe_", "%tag_unsubscribe_", "%mailing_list_"),
    ),
    "mailjet": Provider(
        "Mailjet",
        needs=("api_key", "secret_key"),
        keeps_message_id=False,  # a mail with a Message-ID of ours is refused
        replaces=("{{", "{%", "[["),
    ),
    "mandrill": Provider(
        "Mandrill",
        needs=("api_key",),
        signs_tracking="webhook_key",
        signs_inbound="webhook_key",
        must_sign=True,
        webhook_takes=("webhook_url",),
        replaces=("*|",),
    ),
    "postmark": Provider("Postmark", needs=("server_token",), takes=("message_stream", "api_url")),
    "resend": Provider(
        "Resend",
        needs=("api_key",),
        inbound=False,  # its call only says that a mail is there
        keeps_message_id=False,
        tracks_by_mail=False,
    ),
    "sendgrid": Provider(
        "SendGrid", needs=("api_key",), signs_tracking="tracking_webhook_verification_key", replaces=("{{",)
    ),
    "sparkpost": Provider("SparkPost", needs=("api_key",), takes=("subaccount", "api_url"), replaces=("{{",)),
}
