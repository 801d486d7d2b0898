"""Mail out through a provider and the customer's reply back in, as an outsider sees it: processes and HTTP."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parseaddr
from pathlib import Path

from dunwell.engine.clock import VirtualClock
from dunwell.sandbox.stripe import Account, Deliveries, FakeStripe, declined
from tests.cli.run import dunwell, migrated
from tests.cli.test_end_to_end import free_port, post, served
from tests.connectors.provider_server import fake_provider

FAILED_AT = datetime(2026, 4, 7, 14, 3, tzinfo=UTC)
SECRET = "dunwell:a-long-password"
MAIL_ID = "883953f4-6105-42a2-a16a-77a8eac79483"


def test_a_reply_to_a_mail_that_left_through_a_provider_holds_its_case(tmp_path: Path, tables: Path) -> None:
    account, port = Account(VirtualClock(FAILED_AT)), free_port()
    login = {
        "Authorization": f"Basic {b64encode(SECRET.encode()).decode()}",
        "Content-Type": "application/json",
    }
    with FakeStripe(account) as stripe, fake_provider() as provider:
        provider.answer = (
            200,
            {"To": "dana@acme.example", "MessageID": MAIL_ID, "ErrorCode": 0, "Message": "OK"},
        )
        env = migrated(
            tmp_path,
            tables,
            DUNWELL_STRIPE_API_KEY=account.api_key,
            DUNWELL_STRIPE_API_BASE=stripe.url,
            DUNWELL_STRIPE_WEBHOOK_SECRET="whsec_outsider",
            DUNWELL_EMAIL_URL=f"postmark://?server_token=token&api_url={provider.url}",
            DUNWELL_MAIL_WEBHOOK_SECRET=SECRET,
            DUNWELL_REPLY_TO="priya@inbound.dunwell.example",
            DUNWELL_SENDER="Priya Sample <priya.sample@dunwell.example>",
            DUNWELL_BASE_URL=f"http://127.0.0.1:{port}",
        )
        customer = account.new_customer("Acme Inc", "dana@acme.example", state="NY")
        account.history(customer, 8)
        card = account.customer_saves_method(customer, "4000000000000341")
        account.script(card, [declined("insufficient_funds")])

        def work(at: datetime) -> None:
            ran = dunwell("worker", "--once", "--at", at.isoformat(), env=env)
            assert (ran.code, ran.err) == (0, "")

        with served(env, port) as base:
            deliveries = Deliveries(account, f"{base}/webhooks/stripe", "whsec_outsider")
            account.charge_now(account.new_subscription_invoice(customer, 120_000, number="INV-7"))
            assert deliveries.flush().failed == []
            work(FAILED_AT + timedelta(minutes=1))
            (notice,) = provider.heard
            headers = {each["Name"]: each["Value"] for each in notice.fields["Headers"]}
            name, reply_to = parseaddr(notice.fields["ReplyTo"])
            assert (name, reply_to.partition("+")[0]) == ("Priya Sample", "priya")
            assert headers["Auto-Submitted"] == "auto-generated"

            delivered = {
                "RecordType": "Delivery",
                "MessageID": MAIL_ID,
                "Recipient": "dana@acme.example",
                "DeliveredAt": "2026-04-07T14:05:00Z",
                "Metadata": notice.fields["Metadata"],
            }
            reply = (
                f"From: Kim Colleague <kim@elsewhere.example>\r\nTo: {reply_to}\r\nSubject: Re: your invoice\r\n"
                f"Message-ID: <reply@elsewhere.example>\r\nDate: {format_datetime(FAILED_AT + timedelta(hours=1))}\r\n"
                "\r\nWe will pay on Friday, 10 April.\r\n"
            )
            inbound = {"MessageID": "22c74902", "OriginalRecipient": reply_to, "RawEmail": reply}
            for what, body in (("tracking", delivered), ("inbound", inbound), ("inbound", inbound)):
                assert post(f"{base}/webhooks/mail/{what}", json.dumps(body).encode(), login) == 200
            unproven = json.dumps(inbound | {"RawEmail": reply.replace("<reply@", "<forged@")}).encode()
            assert (
                post(f"{base}/webhooks/mail/inbound", unproven, {"Content-Type": "application/json"}) == 400
            )
            work(FAILED_AT + timedelta(hours=1, minutes=1))
            work(datetime(2026, 4, 10, 13, 0, tzinfo=UTC))
            work(datetime(2026, 4, 20, 13, 0, tzinfo=UTC))
            assert len(provider.heard) == 1

        (case,) = dunwell("cases", "--json", env=env).document
        assert (case["invoice"], case["status"]) == ("INV-7", "open")
        story = dunwell("timeline", "INV-7", "--json", env=env).document
        said = [entry for entry in story if "Kim Colleague" in json.dumps(entry)]
        assert [entry["kind"] for entry in said][:1] == ["reply"]
        assert dunwell("verify", env=env).code == 0
