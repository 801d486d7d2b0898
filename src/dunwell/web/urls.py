"""Every address of the web app. Login is the rule (`LoginRequiredMiddleware`); exceptions say so at the view."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, path

from dunwell.web import cases, changes, doors, explain, holds, pay, queue
from dunwell.web.login import LogIn

urlpatterns: list[URLPattern | URLResolver] = [
    path("", cases.cases, name="cases"),
    path("cases/<int:case_id>/", cases.case, name="case"),
    path("cases/<int:case_id>/explain", explain.explanation, name="explain"),
    path("cases/<int:case_id>/note", changes.note, name="note"),
    path("cases/<int:case_id>/contact", changes.contact, name="contact"),
    path("cases/<int:case_id>/track", changes.track, name="track"),
    path("cases/<int:case_id>/close", changes.close, name="close"),
    path("cases/<int:case_id>/pause", holds.pause, name="pause"),
    path("cases/<int:case_id>/holds/<int:hold_id>/resume", holds.resume, name="resume"),
    path("cases/<int:case_id>/mails/<int:mail_id>", cases.mail, name="mail"),
    path("cases/<int:case_id>/history", cases.printable, name="history"),
    path("cases/<int:case_id>/history.json", cases.as_json, name="history-json"),
    path("review/", queue.queue, name="review"),
    path("review/<int:review_id>/assign", queue.assign_item, name="assign"),
    path("review/<int:review_id>/settle", queue.settle_item, name="settle"),
    path("login", LogIn.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("pay/<str:token>", pay.pay, name="pay"),
    path("webhooks/stripe", doors.stripe, name="stripe-webhook"),
    path("healthz", doors.healthz, name="healthz"),
    path("readyz", doors.readyz, name="readyz"),
]
