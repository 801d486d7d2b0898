"""What somebody without a mouse does: log in and go from control to control."""

import pytest
from playwright.sync_api import Page, expect

from tests.web import sample


def log_in(page: Page, name: str = "dana") -> None:
    """Log in with the keyboard; the name's box has the focus already."""
    page.goto("/login")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(sample.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cases", exact=True)).to_be_visible()


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus says `words`, as somebody without a mouse would."""
    for _ in range(80):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "document.activeElement.innerText || document.activeElement.labels?.[0]?.innerText || ''"
        )
        if words in str(said):
            return
    pytest.fail(f"nothing that can have the focus says {words!r}")
