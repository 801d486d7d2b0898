import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunwell.policy.content.links import URL
from dunwell.policy.untrusted import first_name, one_line, tame, tame_sentence


@pytest.mark.parametrize(
    "name",
    [
        "Acme Inc.",
        "Müller & Söhne GmbH",
        "Procter & Gamble",
        "S.A. Beispiel",
        "O'Neil-Smith Ltd",
        "株式会社テスト",
        "Web 2.0",
    ],
)
def test_an_ordinary_name_comes_back_unchanged(name: str) -> None:
    assert tame(name) == name


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("visit http://evil.example", "visit http evil example"),
        ("www.evil.example/pay", "evil example/pay"),
        ("Booking.com B.V.", "Booking com B.V."),
        ("pay@evil.example", "pay at evil example"),
        ("mailto:pay@evil.example", "mailto pay at evil example"),
        ("javascript:alert(1)", "javascript alert(1)"),
        ("tel:+15550100", "tel +15550100"),
        ("ｅｖｉｌ．ｅｘａｍｐｌｅ", "evil example"),  # noqa: RUF001 - full-width on purpose
        ("evil\u3002example", "evil example"),
        ("ev\u200bil.\u200bexa\u00admple", "evil example"),
        ("http\u200b://evil.example", "http evil example"),
        ("go to 192.168.10.1 now", "go to 192 168 10 1 now"),
        ("Acme\r\nBcc: x@y.example", "Acme Bcc: x at y example"),
        ("Acme\u2028Second line", "Acme Second line"),
        ("{{ link }} {% if x %}", "(( link )) (% if x %)"),
        ("<b>Acme</b>", "(b)Acme(/b)"),
        ("\u202egnp.exe", "gnp exe"),
        ("xn.xn--80ak6aa92e", "xn xn--80ak6aa92e"),
    ],
)
def test_nothing_in_a_name_can_become_a_link_a_header_or_markup(name: str, printed: str) -> None:
    assert tame(name) == printed


def test_a_long_name_is_cut_with_an_ellipsis() -> None:
    assert tame("A" * 100) == "A" * 59 + "\u2026"


@given(st.text(max_size=120))
def test_no_text_survives_as_an_address_or_a_second_line(text: str) -> None:
    printed = tame(text)
    assert not URL.search(printed)
    assert "@" not in printed
    assert "\n" not in printed
    assert "{{" not in printed
    assert len(printed) <= 60
    assert tame(printed) == printed


@given(st.text(max_size=300))
def test_one_line_is_one_printable_line(text: str) -> None:
    line = one_line(text, 50)
    assert line.splitlines() in ([], [line])
    assert len(line) <= 50


@pytest.mark.parametrize(
    ("contact", "greeted"),
    [
        ("Dana Reyes", "Dana"),
        ("Reyes, Dana", "Dana"),
        ("Dr. Dana Reyes", "Dana"),
        ("Frau Prof. Änne Müller", "Änne"),
        ("DANA REYES", "Dana"),
        ("dana reyes", "Dana"),
        ("Jean-Luc O'Hara", "Jean-Luc"),
        ("AJ Smith", "AJ"),
        ("山田 太郎", "山田"),
    ],
)
def test_a_person_is_greeted_by_first_name(contact: str, greeted: str) -> None:
    assert first_name(contact) == greeted


@pytest.mark.parametrize(
    "contact",
    [
        *(
            None,
            "",
            " ",
            "null",
            "None",
            "N/A",
            "undefined",
            "-",
            "D. Reyes",
            "R2 D2",
            "ap@acme.example",
            "Dr.",
        ),
        *(
            "Accounts Payable",
            "AP Team",
            "Acme Inc.",
            "Billing",
            "Buchhaltung Muster",
            "Dana {{ x }}",
            "http://x.example",
        ),
    ],
)
def test_nobody_is_greeted_by_something_that_is_not_a_name(contact: str | None) -> None:
    assert first_name(contact) is None


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (None, None),
        ("", None),
        (" \u200b ", None),
        ("The card on file has passed its expiry date.", "The card on file has passed its expiry date."),
        ("the bank said no!", "the bank said no."),
        ("see http://evil.example", "see http evil example."),
    ],
)
def test_a_reason_is_one_harmless_sentence(reason: str | None, sentence: str | None) -> None:
    assert tame_sentence(reason) == sentence
