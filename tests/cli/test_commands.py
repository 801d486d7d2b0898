"""Every command, with good and bad input: exit codes, one clear line, JSON."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.run import dunwell, dunwell_anew, environment, migrated

CUSTOMER = {
    "at": "2026-04-01T00:00:00Z",
    "type": "customer",
    "customer": "cus_1",
    "name": "Acme",
    "country": "US",
    "subdivision": "NY",
    "timezone": "America/New_York",
    "mrr": ["900.00", "900.00", "900.00"],
    "currency": "USD",
    "tenure_months": 18,
    "invoices_paid": 18,
    "invoices_on_time": 18,
    "failures_90d": 0,
    "contact": {"name": "Dana Reyes", "email": "dana@acme.example"},
    "owner": {"name": "Felix Nordstrom", "email": "felix@us.example"},
}
FAILED = {
    "at": "2026-04-07T14:03:00Z",
    "type": "payment_failed",
    "customer": "cus_1",
    "invoice": "INV-1",
    "amount": "1200.00",
    "currency": "USD",
    "due": "2026-04-07",
    "rail": "card",
    "code": "insufficient_funds",
}
PAID = {"at": "2026-04-09T10:00:00Z", "type": "paid", "invoice": "INV-1"}


def history(folder: Path, *lines: Mapping[str, object] | str) -> str:
    path = folder / "history.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return str(path)


def test_replay_prints_one_object_a_line_with_the_nine_keys(tmp_path: Path) -> None:
    ran = dunwell("replay", history(tmp_path, CUSTOMER, FAILED, PAID), "--json", env=environment(tmp_path))
    steps = [json.loads(line) for line in ran.out.splitlines()]
    assert [list(step) for step in steps] == [
        ["at", "invoice", "action", "stage", "track", "band", "to", "because", "policy"]
    ] * 2
    assert [(step["at"], step["action"], step["stage"], step["to"]) for step in steps] == [
        ("2026-04-07T14:03:00Z", "send", "notice", "dana@acme.example"),
        ("2026-04-09T10:00:00Z", "close", None, None),
    ]
    assert {step["band"] for step in steps} == {"patient"}
    assert ran.code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"at":', "line 3: "),
        ("[]", "line 3: "),
        ({**PAID, "type": "payed"}, "line 3: type: unknown type 'payed'"),
        ({**PAID, "colour": "red"}, "line 3: colour: unknown key"),
        ({**PAID, "at": "2026-04-06T00:00:00Z"}, "line 3: at: earlier than the line before it"),
        ({**PAID, "at": "2026-04-09T10:00:00"}, "line 3: at: needs a time zone"),
        ({**FAILED, "amount": "0.00"}, "line 3: amount: must be above zero, not 0.00"),
        ({**FAILED, "amount": "-5.00"}, "line 3: amount: must be above zero, not -5.00"),
        ({**FAILED, "amount": "1.005"}, "line 3: amount: '1.005' has more decimals than USD allows (2)"),
        ({**FAILED, "currency": "XQQ"}, "line 3: currency: unknown currency 'XQQ'"),
        ({**FAILED, "customer": "cus_9"}, "line 3: customer: no line before this one describes 'cus_9'"),
        (
            {**CUSTOMER, "at": PAID["at"], "timezone": "Mars/Olympus"},
            "line 3: timezone: must be a time zone such as America/New_York",
        ),
        (
            {**CUSTOMER, "at": PAID["at"], "country": "ZZ"},
            "line 3: country: must be a country's two letters (ISO 3166)",
        ),
    ],
)
def test_a_bad_line_stops_a_replay_with_its_number(
    tmp_path: Path, line: Mapping[str, object] | str, said: str
) -> None:
    ran = dunwell("replay", history(tmp_path, CUSTOMER, FAILED, line), "--json", env=environment(tmp_path))
    assert (ran.code, ran.out) == (1, "")
    assert said in ran.complaint
    assert ran.complaint.endswith("nothing was replayed")


def test_replay_lays_two_policies_side_by_side(tmp_path: Path) -> None:
    quick = tmp_path / "quick.toml"
    quick.write_text('name = "quick"\n[cadence]\nreminder = 2\ndirect = 5\nfinal = 8\nescalation = 16\n')
    ran = dunwell(
        "replay", history(tmp_path, CUSTOMER, FAILED), "--against", str(quick), env=environment(tmp_path)
    )
    assert ran.code == 0
    assert "default-" in ran.out
    assert "quick-" in ran.out
    assert "USD 1,200.00" in ran.out


def test_replay_shows_the_words_that_would_be_sent(tmp_path: Path) -> None:
    ran = dunwell("replay", history(tmp_path, CUSTOMER, FAILED, PAID), "--words", env=environment(tmp_path))
    assert "Hi Dana," in ran.out
    assert "INV-1" in ran.out


LARGE = {**CUSTOMER, "mrr": ["14200.00"] * 3}
APPROVE = {"at": "2026-04-08T14:20:00Z", "type": "approve", "invoice": "INV-1"}


def test_replay_of_a_large_customer_takes_over_retries_drafts_and_sends_when_it_is_signed(
    tmp_path: Path,
) -> None:
    told = history(tmp_path, LARGE, FAILED, APPROVE)
    args = ("replay", told, "--json", "--until", "2026-04-09T00:00:00Z")
    ran = dunwell(*args, env=environment(tmp_path))
    steps = [json.loads(line) for line in ran.out.splitlines()]
    assert [(step["at"], step["action"], step["stage"], step["to"]) for step in steps] == [
        ("2026-04-07T14:03:00Z", "take_over", None, None),
        ("2026-04-08T14:00:00Z", "retry", None, None),
        ("2026-04-08T14:05:00Z", "draft", None, "dana@acme.example"),
        ("2026-04-08T14:20:00Z", "skip", None, None),
        ("2026-04-08T16:05:00Z", "send", None, "dana@acme.example"),
    ]
    assert {step["track"] for step in steps} == {"personal"}
    # Another Python has its sets in another order.
    assert dunwell_anew(*args, env=environment(tmp_path)).out == ran.out


def test_replay_shows_the_words_of_a_draft_once_and_counts_drafts_and_calls(tmp_path: Path) -> None:
    told = history(tmp_path, LARGE, FAILED, APPROVE)
    ran = dunwell("replay", told, "--words", env=environment(tmp_path))
    assert ran.out.count("INV-1 draft of letter 1") == 1
    assert ran.out.count("Hi Dana,") == 2, "letter 1, and the draft of letter 2 that nobody signed"
    outcome = ran.out.splitlines()[-1].split()
    assert outcome[1:6] == ["1", "2", "2", "1", "1"], "messages, drafts, retries, calls, reviews"


def test_policy_show_can_be_checked_and_used_again(tmp_path: Path) -> None:
    env = environment(tmp_path)
    shown = dunwell_anew("policy", "show", env=env)
    path = tmp_path / "policy.toml"
    path.write_text(shown.out)
    checked = dunwell_anew("policy", "check", str(path), "--json", env=env)
    assert checked.document["version"] == dunwell("policy", "show", "--json", env=env).document["version"]


def test_a_policy_with_a_typo_names_file_line_and_key(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('name = "mine"\n\n[cadence]\nremindr = 3\n')
    ran = dunwell("policy", "check", str(path), env=environment(tmp_path))
    assert ran.code == 1
    assert f"{path}:4: cadence.remindr" in ran.err
    assert "Traceback" not in ran.err


def test_a_template_with_an_unknown_variable_is_named(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "notice.txt.liquid").write_text("Hello {{ first_nam }}\n")
    path = tmp_path / "policy.toml"
    path.write_text('[messages]\nfolder = "words"\n')
    ran = dunwell("policy", "check", str(path), env=environment(tmp_path))
    assert ran.code == 1
    assert "notice.txt.liquid" in ran.err
    assert "first_nam" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DUNWELL_ENV", "staging"),
        ("DUNWELL_DATABASE_URL", "mysql://x"),
        ("DUNWELL_BASE_URL", "dunwell.example"),
        ("DUNWELL_EMAIL_URL", "imap://x"),
        ("DUNWELL_SENDER", "billing"),
        ("DUNWELL_POLICY", "/nowhere/policy.toml"),
        ("DUNWELL_STRIPE_API_BASE", "ftp://x"),
        ("DUNWELL_SECRET_KEY_FILE", "/nowhere/secret"),
    ],
)
def test_a_malformed_setting_is_named_in_one_line(tmp_path: Path, name: str, value: str) -> None:
    ran = dunwell("cases", env={**environment(tmp_path), name: value})
    assert ran.code == 2
    assert ran.complaint.startswith(f"dunwell: {name}: ")


def test_an_empty_database_says_what_to_do(tmp_path: Path) -> None:
    ran = dunwell("cases", env=environment(tmp_path))
    assert ran.code == 1
    assert ran.complaint == "dunwell: the database is empty or older than this version: run 'dunwell migrate'"


def test_no_cases_says_how_one_opens(tmp_path: Path, tables: Path) -> None:
    ran = dunwell("cases", env=migrated(tmp_path, tables))
    assert ran.code == 0
    assert "/webhooks/stripe" in ran.out


def test_an_unknown_invoice_is_one_line(tmp_path: Path, tables: Path) -> None:
    ran = dunwell("timeline", "INV-404", env=migrated(tmp_path, tables))
    assert (ran.code, ran.complaint) == (1, "dunwell: no case on invoice 'INV-404'")


def test_acting_at_another_time_is_refused_in_production(tmp_path: Path) -> None:
    env = environment(
        tmp_path,
        DUNWELL_ENV="production",
        DUNWELL_SECRET_KEY="k" * 40,
        DUNWELL_BASE_URL="https://dunwell.example",
        DUNWELL_SENDER="Sam Sample <sam.sample@dunwell.example>",
    )
    ran = dunwell("worker", "--once", "--at", "2026-04-07T14:03:00Z", env=env)
    assert ran.code == 2
    assert "--at is refused when DUNWELL_ENV=production" in ran.err


@pytest.mark.parametrize("at", ["yesterday", "2026-04-07T14:03:00"])
def test_a_time_without_a_zone_is_wrong_usage(tmp_path: Path, at: str) -> None:
    ran = dunwell("worker", "--once", "--at", at, env=environment(tmp_path))
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_a_worker_with_nothing_to_do_says_so(tmp_path: Path, tables: Path) -> None:
    ran = dunwell("worker", "--once", env=migrated(tmp_path, tables))
    assert ran.code == 0
    assert ran.out == "Done: nothing was due.\n"
