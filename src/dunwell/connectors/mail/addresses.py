"""Where mail goes out and comes in, as settings name it: URLs to frozen values. Pure, and quick to import."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from dunwell.connectors.mail.known_providers import PROVIDERS, Provider

_TLS = ("starttls", "tls", "none")
_SES = ("amazon_ses", "amazonses", "ses")


class BadAddressError(ValueError):
    """A setting that names no place mail can go to or come from; the message says why, without secrets."""


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where and how mail is handed over. `tls` is `starttls`, `tls` (from the first byte) or `none`."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = "none"


@dataclass(frozen=True, slots=True)
class MailboxAddress:
    """An IMAP folder. `tls` is `starttls`, `tls` (from the first byte) or `none`."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: str = "tls"


@dataclass(frozen=True, slots=True)
class ProviderAddress:
    """A mail provider and how to reach it. `scheme` is a key of `PROVIDERS`; `options` hold secrets."""

    scheme: str
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def provider(self) -> Provider:
        """What is known of it."""
        return PROVIDERS[self.scheme]

    def option(self, name: str) -> str:
        """The value of an option; empty where it is not set."""
        return dict(self.options).get(name, "")


def parse_email_url(url: str) -> SmtpAddress | ProviderAddress:
    """Read `smtp://user:pass@host:port?tls=starttls` or `postmark://?server_token=...`.

    Raises `BadAddressError`.
    """
    scheme = url.partition(":")[0].lower()
    if scheme == "smtp":
        return _smtp(url)
    if scheme in _SES:
        raise BadAddressError(
            "Amazon SES needs boto3, which Dunwell does without; use its SMTP interface: "
            "smtp://user:pass@email-smtp.REGION.amazonaws.com:587?tls=starttls"
        )
    if scheme not in PROVIDERS or "://" not in url:
        known = ", ".join(f"{known}://" for known in PROVIDERS)
        raise BadAddressError(
            f"must look like smtp://user:pass@host:port?tls=starttls, or begin with one of {known}"
        )
    address = _provider(url, scheme)
    missing = [option for option in address.provider.needs if not address.option(option)]
    if missing:
        raise BadAddressError(
            f"{missing[0]} is missing; {address.provider.name} needs "
            f"{scheme}://?{'&'.join(f'{option}=...' for option in address.provider.needs)}"
        )
    return address


def parse_inbound_provider(value: str) -> ProviderAddress:
    """Read the provider that calls us about mail that came in: `postmark`, or `mailgun://?webhook_signing_key=...`.

    Raises `BadAddressError`.
    """
    scheme = value.partition(":")[0].lower()
    if scheme not in PROVIDERS or (scheme != value.lower() and "://" not in value):
        raise BadAddressError(f"must be one of {', '.join(PROVIDERS)}")
    provider = PROVIDERS[scheme]
    if not provider.inbound:
        raise BadAddressError(
            f"{provider.name} does not bring a whole mail with its call; read the mailbox by DUNWELL_MAILBOX_URL"
        )
    return _provider(value, scheme) if "://" in value else ProviderAddress(scheme)


def parse_mailbox_url(url: str) -> MailboxAddress:
    """Read `imap://user:pass@host:port/Folder?tls=tls`. Raises `BadAddressError`."""
    parts, port = _split(url)
    form = "must look like imap://user:pass@host:port/Folder?tls=tls"
    if parts.scheme != "imap" or not parts.hostname:
        raise BadAddressError(form)
    if not parts.username or not parts.password:
        raise BadAddressError(f"a user or a password is missing; {form}")
    tls = _tls(parts, "tls")
    folder = unquote(parts.path.removeprefix("/")) or "INBOX"
    if not folder.isprintable():
        raise BadAddressError("the folder's name holds a control character")
    return MailboxAddress(
        host=parts.hostname,
        port=port or {"tls": 993}.get(tls, 143),
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=folder,
        tls=tls,
    )


def _smtp(url: str) -> SmtpAddress:
    parts, port = _split(url)
    if not parts.hostname:
        raise BadAddressError("must look like smtp://user:pass@host:port?tls=starttls")
    tls = _tls(parts, "none")
    return SmtpAddress(
        host=parts.hostname,
        port=port or {"starttls": 587, "tls": 465, "none": 25}[tls],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=tls,
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise BadAddressError("the port must be a number") from None
    return parts, port


def _tls(parts: SplitResult, default: str) -> str:
    query = parse_qs(parts.query)
    tls = query.pop("tls", [default])[0]
    if tls not in _TLS:
        raise BadAddressError(f"tls must be starttls, tls or none, not {tls!r}")
    if query:
        raise BadAddressError(f"unknown option {next(iter(query))!r}")
    return tls


def _provider(url: str, scheme: str) -> ProviderAddress:
    """Read the options. A plus sign stays one: these are keys, not words of a form."""
    provider = PROVIDERS[scheme]
    before, _, query = url.partition("?")
    if before.partition("://")[2].strip("/") or "#" in query:
        raise BadAddressError(
            f"options go behind a question mark, # as %23: {scheme}://?{provider.needs[0]}=..."
        )
    options: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadAddressError(f"an option has no value; {scheme}://?{provider.needs[0]}=... is the form")
        if name not in provider.options:
            raise BadAddressError(
                f"unknown option {name[:40]!r}; {provider.name} takes {', '.join(provider.options)}"
            )
        if name in options:
            raise BadAddressError(f"{name} is there twice")
        options[name] = unquote(value)
        if not (options[name].isascii() and options[name].isprintable()):
            raise BadAddressError(f"{name} holds a character that no key has")
    _require_web_address(options.get("api_url", ""))
    return ProviderAddress(scheme, tuple((name, value) for name, value in options.items() if value))


def _require_web_address(value: str) -> None:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise BadAddressError(f"api_url must be an http or https address, not {value!r}")
