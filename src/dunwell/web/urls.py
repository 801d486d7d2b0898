"""Every address of the web app. Login is the rule (`LoginRequiredMiddleware`); exceptions say so at the view."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path, register_converter

from dunwell.web import (
    attachments,
    calendar,
    calls,
    cases,
    changes,
    doors,
    explain,
    holds,
    letters,
    mail_door,
    owner,
    pay,
    queue,
    replies,
)
from dunwell.web.login import LogIn


class Key:
    """A row's id in an address: short enough for every database, so that a longer one is simply not found."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """Read it."""
        return int(value)

    def to_url(self, value: int) -> str:
        """Write it."""
        return str(value)


register_converter(Key, "key")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", cases.cases, name="cases"),
    path("cases/<key:case_id>/", cases.case, name="case"),
    path("cases/<key:case_id>/explain", explain.explanation, name="explain"),
    path("cases/<key:case_id>/note", changes.note, name="note"),
    path("cases/<key:case_id>/contact", changes.contact, name="contact"),
    path("cases/<key:case_id>/track", changes.track, name="track"),
    path("cases/<key:case_id>/close", changes.close, name="close"),
    path("cases/<key:case_id>/hand-back", changes.give_back, name="hand-back"),
    path("cases/<key:case_id>/hold", holds.hold, name="hold"),
    path("cases/<key:case_id>/holds/<key:hold_id>/resume", holds.resume, name="resume"),
    path("cases/<key:case_id>/mails/<key:mail_id>", cases.mail, name="mail"),
    path("cases/<key:case_id>/history", cases.printable, name="history"),
    path("cases/<key:case_id>/history.json", cases.as_json, name="history-json"),
    path("review/", queue.queue, name="review"),
    path("review/<key:review_id>/assign", queue.assign_item, name="assign"),
    path("review/<key:review_id>/settle", queue.settle_item, name="settle"),
    path("review/<key:review_id>/call", calls.record_call, name="call"),
    path("replies/<key:mail_id>/", replies.reply, name="reply"),
    path("replies/<key:mail_id>/decide", replies.decide, name="decide-reply"),
    path("replies/<key:mail_id>/preview", replies.preview, name="preview-reply"),
    path("replies/<key:mail_id>/assign", replies.assign, name="assign-reply"),
    path("replies/<key:mail_id>/aside", replies.aside, name="set-reply-aside"),
    path("replies/<key:mail_id>/formatted", replies.formatted, name="reply-html"),
    path("replies/<key:mail_id>/files/<key:file_id>", attachments.save, name="reply-file"),
    path("letters/<key:letter_id>/", letters.letter, name="letter"),
    path("letters/<key:letter_id>/change", letters.change, name="change-letter"),
    path("letters/<key:letter_id>/check", letters.check, name="check-letter"),
    path("letters/<key:letter_id>/discard", letters.discard, name="discard-letter"),
    path("coming-up/", calendar.coming_up, name="coming-up"),
    path("calendar/<str:token>.ics", calendar.feed, name="calendar"),
    path("login", LogIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("pay/<str:token>", pay.pay, name="pay"),
    path("owner/<str:token>", owner.owner, name="owner"),
    path("webhooks/stripe", doors.stripe, name="stripe-webhook"),
    # Mailgun brings a mail as it was written only to an address that ends in "mime".
    path("webhooks/mail/inbound/mime", mail_door.mail, {"what": "inbound"}, name="raw-mail-webhook"),
    path("webhooks/mail/<str:what>", mail_door.mail, name="mail-webhook"),
    path("healthz", doors.healthz, name="healthz"),
    path("readyz", doors.readyz, name="readyz"),
]
