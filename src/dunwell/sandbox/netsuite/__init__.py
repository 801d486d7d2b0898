"""A fake NetSuite: a real HTTP server with login, records, SuiteQL and our RESTlet, over a company you can drive."""

from dunwell.sandbox.netsuite.books import Company, SentMail
from dunwell.sandbox.netsuite.login import Integration
from dunwell.sandbox.netsuite.phone_calls import PhoneCall
from dunwell.sandbox.netsuite.server import FakeNetSuite

__all__ = ["Company", "FakeNetSuite", "Integration", "PhoneCall", "SentMail"]
