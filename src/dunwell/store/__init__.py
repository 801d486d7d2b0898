"""The Django app that keeps facts: the only place that uses the ORM."""
