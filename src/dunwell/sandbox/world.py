"""The sandbox's world: a fake Stripe and NetSuite, a mail catcher, the real web app, a worker, one virtual clock.

The product runs as it does anywhere: webhooks are signed and come in over HTTP, the connectors talk to servers, mail
goes over SMTP, and all of it is set up by the same settings. Only the addresses differ.
"""

import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
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
from dunwell.environment import read_environment
from dunwell.policy.book import Book, bind
from dunwell.policy.policy import parse_policy
from dunwell.policy.wording import built_in_wording
from dunwell.sandbox.bookkeeper import Bookkeeper
from dunwell.sandbox.cast import ANALYST, MANAGER
from dunwell.sandbox.correspondents import Correspondents
from dunwell.sandbox.mail import MailCatcher
from dunwell.sandbox.netsuite import Company, FakeNetSuite
from dunwell.sandbox.provider import MailProvider
from dunwell.sandbox.stripe import Account, Chaos, Deliveries, FakeStripe
from dunwell.store.claims import next_alarm
from dunwell.web.wsgi import application

# How long a mail's row in NetSuite stays unseen: the product has to ask again.
ROW_AFTER = timedelta(minutes=4)
# Where webhooks can get lost, the product asks Stripe what it missed this long after anything happened there.
_SWEEP_AFTER = timedelta(minutes=15)
# The mail provider takes in what is sent here, and what comes back to our senders' own addresses.
REPLY_TO = "priya.sample@inbound.dunwell.example"


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
        self.company = Company(self.clock)
        self.company.mail.row_after = ROW_AFTER
        self.netsuite = FakeNetSuite(self.company)
        self.bookkeeper = Bookkeeper(self.account, self.company)
        self.bills: dict[str, str] = {}  # NetSuite's ids of invoices, by their numbers
        self.mail = MailCatcher()
        self._secret = f"whsec_{secrets.token_hex(16)}"
        self._mail_secret = f"postmark:{secrets.token_hex(16)}"
        self._chaos = chaos
        self._web_port = web_port
        self._swept = 0
        self._sweep_at: datetime | None = None
        self.worker = Worker("sandbox")
        self.done: Counter[str] = Counter()

    @property
    def loses_webhooks(self) -> bool:
        """Whether webhooks come late, twice or never, so that what failed at once is not heard of at once."""
        return self._chaos is not None

    def __enter__(self) -> Self:
        try:
            self._web = ThreadedWSGIServer(("127.0.0.1", self._web_port), _Quiet)
        except OSError as error:
            raise PortTakenError(f"port {self._web_port} cannot be used: {error.strerror}") from None
        self.stripe.start()
        self.netsuite.start()
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
        twice = self._chaos.duplicate if self._chaos else 0.0
        self.provider = MailProvider(self.base_url, self._mail_secret, twice=twice)
        self.correspondents = Correspondents(self.mail, self.provider)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self.ports)
        self._web.shutdown()
        self._web.server_close()
        self._web_thread.join()
        self.mail.stop()
        self.netsuite.stop()
        self.stripe.stop()
        wiring.install(None, None)

    def run_on(self, clock: Clock) -> Ports:
        """Go on with another clock, the product and everything around it, once the story is told."""
        _close(self.ports)
        self.account.clock = self.company.clock = clock
        self.ports = self._ports(clock)
        wiring.install(self.ports, self.book)
        return self.ports

    def go_on(self, now: datetime) -> None:
        """Do what others do by themselves, and deliver webhooks and mail; a worker does the rest."""
        self.account.advance(now)
        self.bookkeeper.look(now)
        self.correspondents.look(now)
        self.webhooks.flush()
        self.provider.flush()

    def _ports(self, clock: Clock) -> Ports:
        integration = self.company.login.integration
        settings = {
            "DUNWELL_BASE_URL": self.base_url,
            "DUNWELL_STRIPE_API_KEY": self.account.api_key,
            "DUNWELL_STRIPE_WEBHOOK_SECRET": self._secret,
            "DUNWELL_STRIPE_API_BASE": self.stripe.url,
            "DUNWELL_EMAIL_URL": f"smtp://{self.mail.host}:{self.mail.port}",
            "DUNWELL_INBOUND_PROVIDER": "postmark",
            "DUNWELL_MAIL_WEBHOOK_SECRET": self._mail_secret,
            "DUNWELL_REPLY_TO": REPLY_TO,
            "DUNWELL_SENDER": f"{ANALYST.name} <{ANALYST.email}>",
            "DUNWELL_MANAGER": f"{MANAGER.name} <{MANAGER.email}>",
            "DUNWELL_NETSUITE_ACCOUNT": "SANDBOX",
            "DUNWELL_NETSUITE_CLIENT_ID": integration.client_id,
            "DUNWELL_NETSUITE_CERTIFICATE_ID": integration.certificate_id,
            "DUNWELL_NETSUITE_PRIVATE_KEY": integration.private_pem,
            "DUNWELL_NETSUITE_BASE_URL": self.netsuite.url,
        }
        names = resources.files("dunwell.sandbox") / "netsuite_names.toml"
        with resources.as_file(names) as path:
            environment = read_environment({**settings, "DUNWELL_NETSUITE_NAMES": str(path)})
        return wiring.build_ports(environment, clock)

    def settle(self) -> None:
        """Deliver Stripe's events and what comes back to our mails, and do everything due, until nothing moves."""
        first = True
        while self._delivered() or first:
            first = False
            self.done.update(run_due(self.ports, self.book, self.clock.now(), self.worker))
        if self._chaos and self._sweep_at is None and len(self.account.tables["event"]) > self._swept:
            self._sweep_at = self.clock.now() + _SWEEP_AFTER

    def _delivered(self) -> int:
        """Let others do what follows from what we did; return how much of it reached us."""
        now = self.clock.now()
        self.bookkeeper.look(now)
        self.correspondents.look(now)
        return len(self.webhooks.flush().delivered) + self.provider.flush()

    def sweep(self) -> None:
        """Do what `dunwell worker --once` does: ask for missed events, then do everything due."""
        self._swept, self._sweep_at = len(self.account.tables["event"]), None
        self.done.update(run_once(self.ports, self.book, self.clock.now(), self.worker))

    def run_to(self, until: datetime, tell: Callable[[datetime], None] | None = None) -> None:
        """Let time pass, stopping wherever Stripe, the bookkeeper or the product has something to do."""
        while self.clock.now() < until:
            planned = (next_alarm(), self.account.next_due(), self.bookkeeper.next_due(), self._sweep_at)
            stops = [at for at in planned if at is not None]
            at = min([until, *stops])
            self.clock.move_to(max(at, self.clock.now()))
            self.account.advance(self.clock.now())
            if tell is not None:
                tell(self.clock.now())
            if self._sweep_at is not None and self._sweep_at <= self.clock.now():
                self.sweep()
            self.settle()
            if at < until and at <= self.clock.now() and not stops:
                return


def _close(ports: Ports) -> None:
    ports.mailer.close()
    if ports.ledger is not None:
        ports.ledger.close()
