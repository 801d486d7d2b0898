"""Serves the web app with gunicorn, inside this process's tree, until SIGTERM."""

from typing import Any

from gunicorn.app.base import BaseApplication

from dunwell.web.wsgi import application

THREADS = 8


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings instead of its command line."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Hand our settings over."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application to serve."""
        return application


def run(host: str, port: int, workers: int) -> None:
    """Serve until stopped. Raises `SystemExit` when the address is taken."""
    _Server(
        {
            "bind": f"{host}:{port}",
            "workers": workers,
            # While one request waits for the database or for Stripe, others are answered.
            "threads": THREADS,
            "proc_name": "dunwell",
            "accesslog": None,
            "loglevel": "warning",
            "control_socket_disable": True,
        }
    ).run()
