"""What came of a call: recorded where the call task stands, in the queue or on the case."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dunwell.engine.review import NotPossibleError
from dunwell.engine.signing import record_call_outcome
from dunwell.policy.words import CallOutcome
from dunwell.web import forms, words
from dunwell.web.queue import back_to, queue_page
from dunwell.web.shell import now, user_name
from dunwell.wiring import ports

_STAYS = (CallOutcome.NO_ANSWER, CallOutcome.WRONG_NUMBER)


@require_POST
def record_call(request: HttpRequest, review_id: int) -> HttpResponse:
    """Keep how a call ended; a form that is wrong comes back as typed."""
    form = forms.CallResult(request.POST, auto_id=f"call-{review_id}-%s")
    if not form.is_valid():
        return queue_page(request, wrong=review_id, calling=form, status=422)
    outcome = CallOutcome(form.cleaned_data["outcome"])
    try:
        record_call_outcome(
            review_id=review_id,
            outcome=outcome,
            note=form.cleaned_data["note"],
            until=form.cleaned_data["until"],
            by=user_name(request),
            now=now(),
            ports=ports(),
        )
    except NotPossibleError as error:
        messages.error(request, str(error))
        return queue_page(request, wrong=review_id, calling=form, status=422)
    more = " The call is still to be made." if outcome in _STAYS else ""
    messages.success(request, f"Noted: {words.CALL[outcome].lower()}.{more}")
    return back_to(request)
