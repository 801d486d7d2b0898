"""Logging in, with a brake on guessing."""

import hashlib

from django.contrib.auth import views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator

# Ten wrong passwords for one name from one address in a quarter of an hour; counted for each server
# process, which is enough to make guessing hopeless and too little to lock a person out for long.
TRIES = 10
WINDOW_SECONDS = 15 * 60


@method_decorator(login_not_required, name="dispatch")
class LogIn(views.LoginView):
    """The login page."""

    template_name = "web/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: str, **kwargs: object) -> HttpResponse:
        """Check name and password, unless there were too many wrong ones."""
        if cache.get(self._key(), 0) >= TRIES:
            form = self.get_form()
            return self.render_to_response(self.get_context_data(form=form, braked=True), status=429)
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Count a wrong password."""
        cache.add(self._key(), 0, WINDOW_SECONDS)
        cache.incr(self._key())
        response = super().form_invalid(form)
        response.status_code = 422
        return response

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Let somebody in, and forget their wrong passwords."""
        cache.delete(self._key())
        return super().form_valid(form)

    def _key(self) -> str:
        name = self.request.POST.get("username", "").strip().lower()
        who = f"{name}\n{self.request.META.get('REMOTE_ADDR', '')}"
        return "login:" + hashlib.sha256(who.encode()).hexdigest()
