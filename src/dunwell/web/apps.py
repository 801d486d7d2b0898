"""Names the app for Django."""

import logging

from django.apps import AppConfig

from dunwell.web.security import HideSignedLinks


class WebConfig(AppConfig):
    """The desk, the payment-link page and the webhook endpoint."""

    name = "dunwell.web"
    label = "web"

    def ready(self) -> None:
        """Keep signed links out of Django's own lines in the log."""
        logging.getLogger("django.request").addFilter(HideSignedLinks())
