"""The composition root: settings to ports. Only entry points (web, CLI, sandbox) import it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

from dunwell.connectors.mail.addresses import ProviderAddress
from dunwell.connectors.mail.client import SmtpMailer
from dunwell.connectors.mail.providers import ProviderMailer
from dunwell.engine.clock import Clock, ShiftedClock, SystemClock
from dunwell.engine.doctor import NOTE, OK, WRONG, Check, Finding
from dunwell.engine.ports import Mailer, Ports
from dunwell.environment import ConfigurationError, Environment, MailSettings
from dunwell.policy.book import Book, bind
from dunwell.policy.facts import Person
from dunwell.policy.policy import Policy, PolicyError, default_policy, parse_policy
from dunwell.policy.readings import Delivery, OutgoingMail, Refused
from dunwell.policy.replies import ReplyReader, RulesReader
from dunwell.policy.wording import FILES, Wording, WordingError, built_in_wording, load_wording

if TYPE_CHECKING:
    from dunwell.connectors.mail.imap import ImapMailbox
    from dunwell.connectors.mail.webhooks import AnymailWebhooks
    from dunwell.connectors.netsuite.client import NetSuiteLedger
    from dunwell.connectors.stripe.client import StripePayments


class NoMailer:
    """Stands in when `DUNWELL_EMAIL_URL` is not set: every mail waits, none is lost."""

    def send(self, mail: OutgoingMail) -> Delivery:
        """Say that nothing can be sent yet."""
        del mail
        return Refused("DUNWELL_EMAIL_URL is not set.", permanent=False)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class _Installed:
    """What the sandbox puts in place of the installation's own."""

    ports: Ports | None = None
    book: Book | None = None


_installed = _Installed()


def install(ports: Ports | None, book: Book | None) -> None:
    """Put other ports and another policy in place for this process; None takes them away again."""
    _installed.ports, _installed.book = ports, book


def ports() -> Ports:
    """The ports of this installation, put together once per process."""
    return _installed.ports or _own_ports()


@lru_cache(maxsize=1)
def _own_ports() -> Ports:
    return build_ports(settings.DUNWELL, _clock(settings.DUNWELL))


def build_ports(env: Environment, clock: Clock) -> Ports:
    """Put ports together from settings and a clock."""
    return Ports(
        payments=_payments(env),
        mailer=_mailer(env),
        clock=clock,
        sender=Person(env.sender_name, env.sender_email),
        base_url=env.base_url,
        secret=env.secret_key,
        accepts_webhooks=bool(env.stripe_webhook_secret),
        ledger=_ledger(env),
        manager=Person(env.signer_name, env.signer_email) if env.signer_email else None,
        mailbox=_mailbox(env.mail),
        mail_webhooks=_webhooks(env.mail),
        reply_to=env.mail.reply_to,
        reader=build_reader(env),
    )


def _payments(env: Environment) -> "StripePayments":
    # Stripe's SDK is a third of a second to load, and most commands ask Stripe nothing.
    from dunwell.connectors.stripe.client import StripePayments  # noqa: PLC0415

    return StripePayments(
        env.stripe_api_key, api_base=env.stripe_api_base, webhook_secret=env.stripe_webhook_secret
    )


def _ledger(env: Environment, *, tries: int = 4) -> "NetSuiteLedger | None":
    if env.netsuite is None:
        return None
    # Who has no NetSuite does not wait for its client at every command.
    from dunwell.connectors.netsuite.client import NetSuiteLedger  # noqa: PLC0415

    return NetSuiteLedger(env.netsuite.access, env.netsuite.names, in_flight=env.netsuite.calls, tries=tries)


def _mailer(env: Environment) -> Mailer:
    if env.mail.provider is not None:
        return ProviderMailer(env.mail.provider)
    smtp = env.mail.smtp
    if smtp is None:
        return NoMailer()
    own_name = urlsplit(env.base_url).hostname or "localhost"
    return SmtpMailer(
        smtp.host, smtp.port, user=smtp.user, password=smtp.password, tls=smtp.tls, own_name=own_name
    )


def reply_reader() -> ReplyReader:
    """What reads replies in this installation: a language model where one is set up, else the rules."""
    return build_reader(settings.DUNWELL)


def build_reader(env: Environment) -> ReplyReader:
    """Put the reader of replies together from settings."""
    if env.reader is None:
        return RulesReader()
    # Who has no language model does not wait for its client at every command.
    from dunwell.connectors.language_model.client import LanguageModelReader  # noqa: PLC0415

    return LanguageModelReader(env.reader.url, env.reader.model, env.reader.api_key)


def _mailbox(mail: MailSettings) -> "ImapMailbox | None":
    if mail.mailbox is None:
        return None
    from dunwell.connectors.mail.imap import ImapMailbox  # noqa: PLC0415 - most commands read no mailbox

    at = mail.mailbox
    return ImapMailbox(at.host, at.port, at.user, at.password, folder=at.folder, tls=at.tls)


def _webhooks(mail: MailSettings) -> "AnymailWebhooks | None":
    if mail.provider is None and mail.inbound is None:
        return None
    from dunwell.connectors.mail.webhooks import AnymailWebhooks  # noqa: PLC0415 - nor is it called by a provider

    return AnymailWebhooks(mail.provider, mail.inbound, mail.webhook_secret)


def _clock(env: Environment) -> Clock:
    if not env.sandbox_now:
        return SystemClock()
    return ShiftedClock(datetime.fromisoformat(env.sandbox_now), SystemClock())


def book() -> Book:
    """The active policy and wording; raises `ConfigurationError` with a line per mistake."""
    return _installed.book or _own_book()


@lru_cache(maxsize=1)
def _own_book() -> Book:
    path = settings.DUNWELL.policy_file
    return built_in_book() if path is None else read_book(path)


def built_in_book() -> Book:
    """The policy and wording that ship with Dunwell."""
    return bind(default_policy(), built_in_wording())


def read_book(path: Path) -> Book:
    """Read a policy file and its templates; raises `ConfigurationError` with a line per mistake."""
    try:
        policy = parse_policy(path.read_text(encoding="utf-8"), str(path))
        return bind(policy, _wording(policy, path))
    except (PolicyError, WordingError) as error:
        raise ConfigurationError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None


def _wording(policy: Policy, path: Path) -> Wording:
    """The operator's own templates lie in a folder beside the policy file; missing ones are built in."""
    if not policy.messages.folder:
        return built_in_wording()
    folder = path.parent / policy.messages.folder
    if not folder.is_dir():
        raise ConfigurationError(f"{path}: messages.folder: no such folder: {folder}")
    found = {name: (folder / name).read_text(encoding="utf-8") for name in FILES if (folder / name).is_file()}
    return load_wording(found)


def checks() -> list[Check]:
    """What `dunwell doctor` asks of the vendors."""
    env: Environment = settings.DUNWELL
    return [
        lambda: _check_stripe(env),
        lambda: _check_mail(env),
        lambda: list(_check_replies(env.mail)),
        lambda: _check_netsuite(env),
    ]


def _check_stripe(env: Environment) -> list[Finding]:
    if not env.stripe_api_key:
        return [Finding("Stripe", WRONG, "DUNWELL_STRIPE_API_KEY is not set")]
    seen = _payments(env).check()
    said = seen.account or ("the key names no account" if seen.reached else "Stripe could not be reached")
    found = [Finding("Stripe", OK if seen.works else WRONG, said)]
    found += [Finding(f"Stripe: read {r.name}", OK if r.works else WRONG, r.said) for r in seen.reads]
    if env.production and seen.livemode is False:
        found.append(Finding("Stripe: mode", WRONG, "production runs on a test key"))
    return found


def _check_mail(env: Environment) -> list[Finding]:
    if env.mail.provider is not None:
        return _check_provider(env.mail.provider, env.sender_email)
    smtp = env.mail.smtp
    if smtp is None:
        return [Finding("mail", WRONG, "DUNWELL_EMAIL_URL is not set: mails wait until it is")]
    trouble = SmtpMailer(smtp.host, smtp.port, user=smtp.user, password=smtp.password, tls=smtp.tls).check()
    where = f"{smtp.host}:{smtp.port} ({smtp.tls})"
    if trouble:
        return [Finding("mail", WRONG, f"{where}: {trouble.reason}")]
    return [Finding("mail", OK, f"{where} answers")]


def _check_provider(address: ProviderAddress, sender: str) -> list[Finding]:
    name = address.provider.name
    trouble = ProviderMailer(address).check(sender)
    if trouble:
        return [Finding("mail", WRONG, f"{name} {trouble.reason}")]
    found = [Finding("mail", OK, f"{name} answers and takes our key")]
    if not address.provider.tracks_by_mail:
        said = f"switch off open and click tracking at {name} by hand; a mail of ours cannot say so there"
        found.append(Finding("mail: tracking", NOTE, said))
    return found


def _check_replies(mail: MailSettings) -> Iterator[Finding]:
    """Say how replies come in, and what becomes of our mails is heard."""
    box, calls = _mailbox(mail), _webhooks(mail)
    closed = {what: calls.why_closed(what) if calls else "no provider" for what in ("inbound", "tracking")}
    if box is None and closed["inbound"]:
        said = "replies are not read: set DUNWELL_MAILBOX_URL, or DUNWELL_MAIL_WEBHOOK_SECRET for a provider's webhook"
        yield Finding("replies", WRONG if mail.reply_to else NOTE, said)
    if box is not None and mail.mailbox is not None:
        trouble = box.check()
        box.close()
        where = f"{mail.mailbox.folder} at {mail.mailbox.host}:{mail.mailbox.port} ({mail.mailbox.tls})"
        yield Finding(
            "mailbox", WRONG if trouble else OK, f"{where}: {trouble}" if trouble else f"{where} answers"
        )
    if mail.inbound is not None and calls is not None:
        yield _door("inbound", mail.inbound, closed)
    if mail.provider is not None and calls is not None:
        yield _door("tracking", mail.provider, closed)
    if mail.reply_to and not (box is None and closed["inbound"]):
        yield Finding("replies", OK, f"go to {mail.reply_to}, signed for each case")


def _door(what: str, address: ProviderAddress, closed: Mapping[str, str]) -> Finding:
    name, why = address.provider.name, closed[what]
    where = f"/webhooks/mail/{what}"
    said = f"{where} is closed to {name}: {why}" if why else f"{where} is open to {name}"
    return Finding(f"mail webhook: {what}", NOTE if why else OK, said)


def _check_netsuite(env: Environment) -> list[Finding]:
    ledger = _ledger(env, tries=2)  # somebody waits for the answer
    if ledger is None:
        said = "not set up: the personal track runs on Stripe's facts and SMTP"
        return [Finding("NetSuite", NOTE, said)]
    try:
        seen = ledger.check(env.signer_email or env.sender_email, _clock(env).now())
    finally:
        ledger.close()
    return [Finding(f"NetSuite: {each.name}", _STATES[each.state], each.said) for each in seen]


_STATES = {"ok": OK, "note": NOTE, "wrong": WRONG}
