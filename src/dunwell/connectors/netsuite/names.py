"""How to reach one NetSuite account, and what that account calls things."""

import re
from dataclasses import dataclass, field
from typing import Literal

_ACCOUNT = re.compile(r"[A-Za-z0-9]{1,20}([_-][A-Za-z0-9]{1,20})?")
_FIELD = re.compile(r"(custentity[a-z0-9_]{1,60})?")
_SCRIPT = re.compile(r"customscript[a-z0-9_]{1,60}|[0-9]{1,12}")
_DEPLOYMENT = re.compile(r"customdeploy[a-z0-9_]{1,60}|[0-9]{1,12}")
CUSTOMER_ID = "{customer_id}"


class BadNameError(ValueError):
    """A setting cannot be right; the sentence never repeats a secret. `key` names it where it is one of several."""

    def __init__(self, said: str, key: str = "") -> None:
        super().__init__(f"{key}: {said}" if key else said)
        self.said = said
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One integration of one account (OAuth 2.0 client credentials with a certificate).

    `account` as NetSuite shows it, such as `1234567_SB1`; `private_key` is the PEM text, of an EC key or of an
    RSA key of at least 3072 bits. `base_url` replaces NetSuite's hosts (tests, sandbox).
    """

    account: str
    client_id: str
    certificate_id: str
    private_key: str = field(repr=False)
    base_url: str = ""

    def __post_init__(self) -> None:
        if not _ACCOUNT.fullmatch(self.account):
            raise BadNameError(f"{self.account[:40]!r} is not a NetSuite account id")

    def host(self, kind: Literal["suitetalk", "restlets"]) -> str:
        """Say where the account's REST or RESTlet calls go."""
        if self.base_url:
            return self.base_url.rstrip("/")
        name = self.account.lower().replace("_", "-")
        return f"https://{name}.{kind}.api.netsuite.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What differs from one account to the next. Fields are the script ids of custom customer fields.

    Contacts come from our RESTlet, which sees their roles, or by SuiteQL, which does not. Roles and categories
    are compared without case; `contact_titles` is a regular expression sought in job titles.
    `mrr_query` is a SuiteQL query with `{customer_id}` in it that returns `month` (YYYY-MM), `mrr` and, if
    wanted, `currency` (ISO); `mrr_field` holds the average itself, over `mrr_field_months` months (12: yearly).
    """

    restlet_script: str = "customscript_dunwell_restlet"
    restlet_deployment: str = "customdeploy_dunwell_restlet"
    contacts_by: Literal["restlet", "suiteql"] = "restlet"
    contact_field: str = ""
    contact_roles: tuple[str, ...] = ("Accounts Payable",)
    contact_categories: tuple[str, ...] = ("Accounts Payable",)
    contact_titles: str = r"\b(accounts payable|a/?p|finance|billing|controller)\b"
    strategic_field: str = ""
    timezone_field: str = ""
    mrr_field: str = ""
    mrr_field_months: int = 1
    mrr_query: str = ""

    @property
    def counts_revenue(self) -> bool:
        """Whether the installation says where NetSuite keeps the MRR."""
        return bool(self.mrr_query or self.mrr_field)

    def __post_init__(self) -> None:
        for name in ("contact_field", "strategic_field", "timezone_field", "mrr_field"):
            if not _FIELD.fullmatch(getattr(self, name)):
                raise BadNameError("must be the id of a customer field, such as custentity_region", name)
        if not _SCRIPT.fullmatch(self.restlet_script):
            raise BadNameError("must be a script's id or number", "restlet_script")
        if not _DEPLOYMENT.fullmatch(self.restlet_deployment):
            raise BadNameError("must be a deployment's id or number", "restlet_deployment")
        if self.contacts_by not in ("restlet", "suiteql"):
            raise BadNameError("must be 'restlet' or 'suiteql'", "contacts_by")
        if self.mrr_query and CUSTOMER_ID not in self.mrr_query:
            raise BadNameError(f"must ask about one customer: it lacks {CUSTOMER_ID}", "mrr_query")
        if self.mrr_query and self.mrr_field:
            raise BadNameError("set this or mrr_field, not both", "mrr_query")
        if self.mrr_field_months not in (1, 3, 12):
            raise BadNameError("must be 1, 3 or 12", "mrr_field_months")
        try:
            re.compile(self.contact_titles)
        except re.error:
            raise BadNameError("is not a regular expression", "contact_titles") from None
