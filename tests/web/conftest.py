"""What the desk's tests share: ports with a still clock, somebody logged in, and a browser on its own thread."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from bs4 import BeautifulSoup, Tag
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright
from pytest_django import Settings

from dunwell import wiring
from dunwell.connectors.stripe.client import StripePayments
from dunwell.engine.clock import VirtualClock
from dunwell.engine.ports import Ports
from dunwell.policy.facts import Person
from dunwell.sandbox.stripe import Account, FakeStripe
from dunwell.store.models import Letter
from tests.web import letters, sample

T = TypeVar("T")
WEBHOOK_SECRET = "whsec_sample"
NOBODY_ANSWERS = "http://127.0.0.1:9"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(sample.NOW)


def make_ports(
    clock: VirtualClock, *, api_base: str = NOBODY_ANSWERS, webhook_secret: str = WEBHOOK_SECRET
) -> Ports:
    payments = StripePayments(
        "sk_test_sandbox", api_base=api_base, webhook_secret=webhook_secret, max_network_retries=0
    )
    return Ports(
        payments=payments,
        mailer=wiring.NoMailer(),
        clock=clock,
        sender=Person("Sam Sample", "sam.sample@dunwell.example"),
        base_url="http://testserver",
        secret="a secret of the tests only",
        accepts_webhooks=bool(webhook_secret),
    )


@pytest.fixture(autouse=True)
def ports(clock: VirtualClock) -> Iterator[Ports]:
    """Ports with a still clock, in place of the installation's; Stripe does not answer."""
    made = make_ports(clock)
    wiring.install(made, sample.book())
    cache.clear()
    yield made
    wiring.install(None, None)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Hash passwords fast: a good hash is slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def account(clock: VirtualClock) -> Account:
    return Account(clock)


@pytest.fixture
def stripe(account: Account, clock: VirtualClock, ports: Ports) -> Iterator[FakeStripe]:
    """A Stripe that answers."""
    with FakeStripe(account) as server:
        wiring.install(make_ports(clock, api_base=server.url), sample.book())
        yield server


@pytest.fixture
def desk(db: None, client: Client) -> Client:
    """A client with Dana logged in."""
    client.force_login(sample.person())
    return client


@pytest.fixture
def letter(db: None, ports: Ports) -> Letter:
    return letters.draft(letters.personal(), ports)


@pytest.fixture
def manager(db: None, client: Client) -> Client:
    """A client with Mara logged in, who signs."""
    client.force_login(letters.signer())
    return client


def soup(response: object) -> BeautifulSoup:
    """Read a page."""
    return BeautifulSoup(response.content, "html.parser")  # type: ignore[attr-defined]


def text(response: object) -> str:
    """All words of a page's main part."""
    main = soup(response).find("main")
    return words_of(main) if isinstance(main, Tag) else ""


def words_of(part: Tag) -> str:
    """The words of a part of a page, with single spaces and none before a comma, full stop or colon."""
    return re.sub(r" ([,.:])", r"\1", " ".join(part.get_text(" ").split()))


@dataclass
class Visit:
    """A browser for one test. `problems` are what the console complained about."""

    browser: Browser
    thread: ThreadPoolExecutor
    address: str
    problems: list[str] = field(default_factory=list)

    def __call__(self, act: Callable[[Page], T], *, width: int = 1360, height: int = 850) -> T:
        """Run `act` with a fresh page of an empty profile and return what it returns."""
        return self.thread.submit(self._run, act, width, height).result()

    def _run(self, act: Callable[[Page], T], width: int, height: int) -> T:
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, base_url=self.address, reduced_motion="reduce"
        )
        try:
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", self._said)
            page.on("pageerror", lambda error: self.problems.append(str(error)))
            return act(page)
        finally:
            context.close()

    def _said(self, message: ConsoleMessage) -> None:
        # Chromium notes every answer of 400 and more, also those that are meant.
        if (
            message.type in ("error", "warning")
            and "the server responded with a status of" not in message.text
        ):
            self.problems.append(message.text)


def _launch(stack: list[Playwright]) -> Browser:
    stack.append(sync_playwright().start())
    quiet = [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
    ]
    return stack[0].chromium.launch(executable_path="/usr/bin/chromium", args=[*quiet, "--disable-gpu"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[tuple[Browser, ThreadPoolExecutor]]:
    """Chromium, driven from a thread of its own.

    Playwright leaves an event loop running in the thread it is used in, and Django refuses to touch the
    database from such a thread. So the browser has its own and the tests keep theirs.
    """
    started: list[Playwright] = []
    with ThreadPoolExecutor(1, thread_name_prefix="chromium") as thread:
        browser = thread.submit(_launch, started).result()
        yield browser, thread
        thread.submit(browser.close).result()
        thread.submit(started[0].stop).result()
    assert not [each for each in threading.enumerate() if each.name.startswith("chromium")]


@pytest.fixture
def visit(chromium: tuple[Browser, ThreadPoolExecutor], live_server: object) -> Iterator[Visit]:
    """A browser at the desk; afterwards the console must have been quiet."""
    visit = Visit(*chromium, address=str(live_server))
    yield visit
    assert visit.problems == []
