"""Reads `DUNWELL_*` from the environment, once, with one clear line for whatever is missing or malformed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from dunwell.connectors.mail.addresses import (
    BadAddressError,
    MailboxAddress,
    ProviderAddress,
    SmtpAddress,
    parse_email_url,
    parse_inbound_provider,
    parse_mailbox_url,
)
from dunwell.connectors.netsuite.names import Access, BadNameError, Names
from dunwell.connectors.netsuite.names_file import NamesFileError, parse_names
from dunwell.policy.content.values import is_shared_mailbox

T = TypeVar("T")

# What follows it: a plus sign, the case and its token (engine/addresses.py), which may take 34 of 64 characters.
LONGEST_REPLY_LOCAL_PART = 30
SANDBOX_SECRET = "sandbox-only-not-a-secret"  # noqa: S105 - refused in production
_NETSUITE_IDS = (
    "DUNWELL_NETSUITE_ACCOUNT",
    "DUNWELL_NETSUITE_CLIENT_ID",
    "DUNWELL_NETSUITE_CERTIFICATE_ID",
)
_NETSUITE = _NETSUITE_IDS[0].removesuffix("ACCOUNT")
_NETSUITE_KEY = f"{_NETSUITE}PRIVATE_KEY_FILE"  # the usual way to give a key, so errors name it


class ConfigurationError(Exception):
    """A setting is missing or malformed; the message names it."""


@dataclass(frozen=True, slots=True)
class NetSuiteSettings:
    """How to reach NetSuite, what it calls things, and how many calls may be on their way at a time."""

    access: Access
    names: Names
    calls: int


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail goes out and replies come in; whatever is None or empty is not set up.

    `provider` is who mail leaves through where that is no SMTP server, `inbound` who calls us about mail that came
    in, `webhook_secret` the `user:password` of their calls. `reply_to` is the address whose local part gets the
    case's token, in lower case.
    """

    smtp: SmtpAddress | None = None
    provider: ProviderAddress | None = None
    inbound: ProviderAddress | None = None
    webhook_secret: str = field(default="", repr=False)
    mailbox: MailboxAddress | None = None
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """The language model that reads replies: its chat-completions endpoint in full, its name, its key if any."""

    url: str
    model: str
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one installation (contract, Environment).

    `netsuite` is None where it is not set up; `signer_email` is empty where the sender signs personal mail too.
    """

    production: bool
    database_url: str
    secret_key: str
    base_url: str
    policy_file: Path | None
    stripe_api_key: str
    stripe_webhook_secret: str
    stripe_api_base: str
    sender_name: str
    sender_email: str
    sandbox_now: str
    netsuite: NetSuiteSettings | None = None
    signer_name: str = ""
    signer_email: str = ""
    reader: ReaderSettings | None = None
    mail: MailSettings = MailSettings()


def read_environment(env: Mapping[str, str]) -> Environment:
    """Read all settings; raise `ConfigurationError` naming the first that is missing or malformed."""
    mode = env.get("DUNWELL_ENV", "sandbox")
    if mode not in ("sandbox", "production"):
        raise ConfigurationError(f"DUNWELL_ENV: must be 'sandbox' or 'production', not {mode!r}")
    production = mode == "production"
    secret_key = _secret(env, "DUNWELL_SECRET_KEY")
    if production and (len(secret_key) < 32 or secret_key == SANDBOX_SECRET):
        raise ConfigurationError("DUNWELL_SECRET_KEY: production needs one of at least 32 characters")
    base_url = env.get("DUNWELL_BASE_URL", "") or "http://127.0.0.1:8000"
    if production and "DUNWELL_BASE_URL" not in env:
        raise ConfigurationError(
            "DUNWELL_BASE_URL: missing; links in mails need the address customers can reach"
        )
    sender_name, sender_email = _sender(env, required=production)
    signer_name, signer_email = _person(env, "DUNWELL_MANAGER")
    return Environment(
        production=production,
        database_url=_database(env),
        secret_key=secret_key or SANDBOX_SECRET,
        base_url=_web_address("DUNWELL_BASE_URL", base_url),
        policy_file=_file(env, "DUNWELL_POLICY"),
        stripe_api_key=_secret(env, "DUNWELL_STRIPE_API_KEY"),
        stripe_webhook_secret=_secret(env, "DUNWELL_STRIPE_WEBHOOK_SECRET"),
        stripe_api_base=_web_address("DUNWELL_STRIPE_API_BASE", env.get("DUNWELL_STRIPE_API_BASE", "")),
        sender_name=sender_name,
        sender_email=sender_email,
        sandbox_now="" if production else env.get("DUNWELL_SANDBOX_NOW", ""),
        netsuite=_netsuite(env),
        signer_name=signer_name,
        signer_email=signer_email,
        reader=_reader(env),
        mail=_mail(env),
    )


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(f"{name}_FILE", "")
    if not path:
        return env.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}_FILE: cannot read {path}: {error}") from None


def _file(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name, "")
    if not value:
        return None
    path = Path(value)
    if not path.is_file():
        raise ConfigurationError(f"{name}: no such file: {value}")
    return path


def _database(env: Mapping[str, str]) -> str:
    url = _secret(env, "DUNWELL_DATABASE_URL") or "sqlite:///dunwell.sqlite3"
    if not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ConfigurationError("DUNWELL_DATABASE_URL: must start with sqlite:/// or postgresql://")
    return url


def _web_address(name: str, value: str) -> str:
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{name}: must be an http or https address, not {value!r}")
    return value.rstrip("/")


def _sender(env: Mapping[str, str], *, required: bool) -> tuple[str, str]:
    found = _person(env, "DUNWELL_SENDER")
    if found != ("", ""):
        return found
    if required:
        raise ConfigurationError("DUNWELL_SENDER: missing; mail needs a person: Name <address>")
    return "Sam Sample", "sam.sample@dunwell.example"


def _person(env: Mapping[str, str], setting: str) -> tuple[str, str]:
    """Read `Name <address>`; two empty texts when the setting is not there."""
    value = env.get(setting, "")
    if not value:
        return "", ""
    name, address = parseaddr(value)
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ConfigurationError(f"{setting}: must look like Name <address>, not {value!r}") from None
    if is_shared_mailbox(address):
        raise ConfigurationError(f"{setting}: {address} is a shared mailbox; mail must come from a person")
    if not name:
        raise ConfigurationError(
            f"{setting}: a name is missing; must look like Name <address>, not {value!r}"
        )
    return name, address


def _netsuite(env: Mapping[str, str]) -> NetSuiteSettings | None:
    """Read how to reach NetSuite: everything that is needed, or nothing at all."""
    if not any(value for name, value in env.items() if name.startswith(_NETSUITE)):
        return None
    needed = {name: env.get(name, "") for name in _NETSUITE_IDS}
    needed[_NETSUITE_KEY] = _secret(env, "DUNWELL_NETSUITE_PRIVATE_KEY")
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ConfigurationError(f"{missing[0]}: missing; NetSuite needs {', '.join(needed)} together")
    account, client_id, certificate_id, private_key = needed.values()
    base_url = _web_address("DUNWELL_NETSUITE_BASE_URL", env.get("DUNWELL_NETSUITE_BASE_URL", ""))
    from dunwell.connectors.netsuite.token import signing_key  # noqa: PLC0415 - slow, and most have no NetSuite

    setting = _NETSUITE_KEY
    try:
        signing_key(private_key)
        setting = _NETSUITE_IDS[0]
        access = Access(
            account=account,
            client_id=client_id,
            certificate_id=certificate_id,
            private_key=private_key,
            base_url=base_url,
        )
    except BadNameError as error:
        raise ConfigurationError(f"{setting}: {error}") from None
    return NetSuiteSettings(access, _names(env), _calls(env))


def _reader(env: Mapping[str, str]) -> ReaderSettings | None:
    """Read where the language model is: its address and its name together, or nothing at all."""
    url = _web_address("DUNWELL_READER_URL", env.get("DUNWELL_READER_URL", ""))
    model = env.get("DUNWELL_READER_MODEL", "").strip()
    api_key = _secret(env, "DUNWELL_READER_API_KEY")
    if not (url or model or api_key):
        return None
    for name, value in (("DUNWELL_READER_URL", url), ("DUNWELL_READER_MODEL", model)):
        if not value:
            raise ConfigurationError(f"{name}: missing; a language model needs its address and its name")
    if not (api_key.isascii() and api_key.isprintable()):
        raise ConfigurationError("DUNWELL_READER_API_KEY: must be one line of plain characters")
    return ReaderSettings(url, model, api_key)


def _names(env: Mapping[str, str]) -> Names:
    path = _file(env, "DUNWELL_NETSUITE_NAMES")
    if path is None:
        return Names()
    try:
        return parse_names(path.read_text(encoding="utf-8"), str(path))
    except NamesFileError as error:
        raise ConfigurationError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"DUNWELL_NETSUITE_NAMES: cannot read {path}: {error}") from None


def _calls(env: Mapping[str, str]) -> int:
    given = env.get("DUNWELL_NETSUITE_CALLS", "") or "2"
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= 50):
        raise ConfigurationError(f"DUNWELL_NETSUITE_CALLS: must be a number from 1 to 50, not {given!r}")
    return int(given)


def _mail(env: Mapping[str, str]) -> MailSettings:
    """Read how mail goes out and comes in. Without a setting of its own, mail comes in as it goes out."""
    out = _parsed("DUNWELL_EMAIL_URL", _secret(env, "DUNWELL_EMAIL_URL"), parse_email_url)
    provider = out if isinstance(out, ProviderAddress) else None
    inbound = _parsed(
        "DUNWELL_INBOUND_PROVIDER", _secret(env, "DUNWELL_INBOUND_PROVIDER"), parse_inbound_provider
    )
    if inbound is None and provider is not None and provider.provider.inbound:
        inbound = provider
    return MailSettings(
        smtp=out if isinstance(out, SmtpAddress) else None,
        provider=provider,
        inbound=inbound,
        webhook_secret=_basic_auth(env, called=provider is not None or inbound is not None),
        mailbox=_parsed("DUNWELL_MAILBOX_URL", _secret(env, "DUNWELL_MAILBOX_URL"), parse_mailbox_url),
        reply_to=_reply_to(env.get("DUNWELL_REPLY_TO", "")),
    )


def _parsed(setting: str, value: str, parse: Callable[[str], T]) -> T | None:
    try:
        return parse(value) if value else None
    except BadAddressError as error:
        raise ConfigurationError(f"{setting}: {error}") from None


def _basic_auth(env: Mapping[str, str], *, called: bool) -> str:
    """Read the secret of the mail webhooks; `called`: there is a provider that could use it."""
    secret = _secret(env, "DUNWELL_MAIL_WEBHOOK_SECRET")
    if not secret:
        return ""
    user, _, password = secret.partition(":")
    if not user or not password or not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise ConfigurationError("DUNWELL_MAIL_WEBHOOK_SECRET: must look like user:password, without spaces")
    if not called:
        raise ConfigurationError(
            "DUNWELL_MAIL_WEBHOOK_SECRET: no mail provider would use it; set DUNWELL_INBOUND_PROVIDER, or name a "
            "provider in DUNWELL_EMAIL_URL"
        )
    return secret


def _reply_to(address: str) -> str:
    """Read the address replies go to; a case's token is added to its local part, which RFC 5321 ends at 64."""
    if not address:
        return ""
    try:
        validate_email(address, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError:
        raise ConfigurationError(f"DUNWELL_REPLY_TO: must be an address, not {address!r}") from None
    local = address.rpartition("@")[0]
    if "+" in local or len(local) > LONGEST_REPLY_LOCAL_PART or not address.isascii():
        raise ConfigurationError(
            f"DUNWELL_REPLY_TO: before the @ there must be room for a case: at most {LONGEST_REPLY_LOCAL_PART} "
            "characters and no +, all of it in ASCII"
        )
    return address.lower()
