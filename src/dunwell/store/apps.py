"""Names the app for Django."""

from django.apps import AppConfig

from dunwell.store import postgres


class StoreConfig(AppConfig):
    """The app that keeps facts."""

    name = "dunwell.store"
    label = "store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make reading fast."""
        postgres.install()
