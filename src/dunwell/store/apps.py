"""Names the app for Django."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """The app that keeps facts."""

    name = "dunwell.store"
    label = "store"
    default_auto_field = "django.db.models.BigAutoField"
