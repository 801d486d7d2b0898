"""The sandbox's world: a fake Stripe, a mail catcher, the real web app and a worker, on one virtual clock.

The product runs as it does anywhere: webhooks are signed and come in over HTTP, the Stripe SDK talks to
a server, mail goes over SMTP. Only the addresses differ.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from threading import Thread
from types import TracebackType
from typing import Self

from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from dunwell import wiring
from dunwell.engine.clock import Clock, VirtualClock
from dunwell.engine.loop import run_due, run_once
from dunwell.engine.perform import Worker
from dunwell.engine.ports import Ports
from dunwell.environment import SANDBOX_SECRET, Environment, SmtpAddress
from dunwell.policy.book import Book, bind
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.sandbox.mail import MailCatcher
from dunwell.sandbox.stripe import Account, Chaos, Deliveries, FakeStripe
from dunwell.store.claims import next_alarm
from dunwell.web.wsgi import application

SENDER_NAME, SENDER_EMAIL = "Priya Sample", "priya.sample@dunwell.example"


def sandbox_book() -> Book:
    """The built-in policy and wording for a sample company."""
    text = (resources.files("dunwell.sandbox") / "policy.toml").read_text(encoding="utf-8")
    return bind(parse_policy(text, "the sandbox's policy"), built_in_wording())


class PortTakenError(Exception):
    """Another program listens where the web app should."""


class _Quiet(WSGIRequestHandler):
    """Serves without a line per request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
        """Say nothing."""


class World:
    """Everything a story needs, started and stopped together (use it as a context manager)."""

    def __init__(self, start: datetime, book: Book, *, web_port: int = 0, chaos: Chaos | None = None) -> None:
        self.clock: VirtualClock = VirtualClock(start)
        self.book = book
        self.account = Account(self.clock)
        self.stripe = FakeStripe(self.account)
        self.mail = MailCatcher()
        self._secret = f"whsec_{secrets.token_hex(16)}"
        self._chaos = chaos
        self._web_port = web_port
        self.worker = Worker("sandbox")
        self.done: Counter[str] = Counter()

    def __enter__(self) -> Self:
        try:
            self._web = ThreadedWSGIServer(("127.0.0.1", self._web_port), _Quiet)
        except OSError as error:
            raise PortTakenError(f"port {self._web_port} cannot be used: {error.strerror}") from None
        self.stripe.start()
        self.mail.start()
        self._web.set_app(application)
        self.base_url = f"http://127.0.0.1:{self._web.server_port}"
        self.ports = self._ports(self.clock)
        wiring.install(self.ports, self.book)
        self._web_thread = Thread(target=self._web.serve_forever, name="sandbox-web", daemon=True)
        self._web_thread.start()
        self.webhooks = Deliveries(
            self.account, f"{self.base_url}/webhooks/stripe", self._secret, chaos=self._chaos
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ports.mailer.close()
        self._web.shutdown()
        self._web.server_close()
        self._web_thread.join()
        self.mail.stop()
        self.stripe.stop()
        wiring.install(None, None)

    def run_on(self, clock: Clock) -> Ports:
        """Go on with another clock: the product's own, once the story is told."""
        self.ports = self._ports(clock)
        wiring.install(self.ports, self.book)
        return self.ports

    def _ports(self, clock: Clock) -> Ports:
        return wiring.build_ports(
            Environment(
                production=False,
                database_url="",
                secret_key=SANDBOX_SECRET,
                base_url=self.base_url,
                policy_file=None,
                stripe_api_key=self.account.api_key,
                stripe_webhook_secret=self._secret,
                stripe_api_base=self.stripe.url,
                smtp=SmtpAddress(self.mail.host, self.mail.port),
                sender_name=SENDER_NAME,
                sender_email=SENDER_EMAIL,
                sandbox_now="",
            ),
            clock,
        )

    def settle(self) -> None:
        """Deliver Stripe's events and do everything due, until nothing moves any more."""
        while True:
            delivered = self.webhooks.flush().delivered
            done = run_due(self.ports, self.book, self.clock.now(), self.worker)
            self.done.update(done)
            if not delivered and not done.total():
                return

    def sweep(self) -> None:
        """Do what `dunwell worker --once` does: ask for missed events, then do everything due."""
        self.done.update(run_once(self.ports, self.book, self.clock.now(), self.worker))

    def run_to(self, until: datetime, tell: Callable[[datetime], None] | None = None) -> None:
        """Let time pass, stopping wherever Stripe or the product has something to do."""
        while self.clock.now() < until:
            stops = [at for at in (next_alarm(), self.account.next_due()) if at is not None]
            at = min([until, *stops])
            self.clock.move_to(max(at, self.clock.now()))
            self.account.advance(self.clock.now())
            if tell is not None:
                tell(self.clock.now())
            self.settle()
            if at < until and at <= self.clock.now() and not stops:
                return
