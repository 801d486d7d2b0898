"""Names the app for Django."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The desk, the payment-link page and the webhook endpoint."""

    name = "dunwell.web"
    label = "web"
