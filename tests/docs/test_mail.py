"""docs/mail.md and the table of providers say the same."""

from dunwell.connectors.mail.known_providers import PROVIDERS
from tests.docs.pages import page


def _codes(cell: str) -> set[str]:
    return {word.strip() for word in cell.split(",") if word.strip()}


def test_the_page_lists_every_provider_with_its_options_and_what_it_does() -> None:
    rows = {row[0]: row[1:] for row in page("docs/mail.md").rows if row[0].endswith("://?")}

    assert sorted(rows) == [f"{scheme}://?" for scheme in sorted(PROVIDERS)]
    for scheme, provider in PROVIDERS.items():
        needs, takes, message_id, calls = rows[f"{scheme}://?"]
        assert _codes(needs) == set(provider.needs)
        assert _codes(takes) == set(provider.options) - set(provider.needs)
        assert message_id == ("yes" if provider.keeps_message_id else "no")
        assert calls == f"{'yes' if provider.inbound else 'no'}, yes"


def test_the_page_names_who_must_sign_and_who_cannot_be_told_not_to_track() -> None:
    said = page("docs/mail.md").text
    signing = [provider.name for provider in PROVIDERS.values() if provider.must_sign]
    tracking = [provider.name for provider in PROVIDERS.values() if not provider.tracks_by_mail]

    assert f"{', '.join(signing[:-1])} and {signing[-1]} always sign" in said
    assert f"except at {' and '.join(tracking)}" in said
