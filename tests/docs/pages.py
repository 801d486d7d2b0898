"""Reads the Markdown pages of the project for the tests that hold them to the code."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent.parent
MARKDOWN = MarkdownIt("commonmark").enable("table")
MARK = re.compile(r"<!-- (run|file [\w.-]+) -->\s*")


@dataclass(frozen=True)
class Block:
    """A fenced block. `mark` is what the comment right before it says: `run`, `file NAME` or nothing."""

    language: str
    text: str
    mark: str
    line: int


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tokens(self) -> list[Token]:
        return MARKDOWN.parse(self.text)

    @property
    def headings(self) -> list[str]:
        """The plain text of every heading, in order."""
        return [plain(after) for token, after in self._pairs() if token.type == "heading_open"]

    @property
    def anchors(self) -> set[str]:
        """The names that a link to `page.md#name` can use, as GitHub makes them."""
        return {slug(heading) for heading in self.headings}

    @property
    def links(self) -> list[str]:
        """Where every link and picture points."""
        inline = [child for token in self.tokens for child in token.children or []]
        found = [token.attrs.get("href") or token.attrs.get("src") for token in inline]
        return [str(target) for target in found if target]

    @property
    def rows(self) -> list[list[str]]:
        """The cells of every table's body, as plain text, one list a row."""
        rows: list[list[str]] = []
        for token, after in self._pairs():
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "td_open":
                rows[-1].append(plain(after))
        return [row for row in rows if row]

    @property
    def blocks(self) -> list[Block]:
        """Every fenced block, in order, with the mark before it."""
        found, mark = [], ""
        for token in self.tokens:
            if token.type == "fence":
                line = token.map[0] + 1 if token.map else 0
                found.append(Block(token.info.strip(), token.content, mark, line))
            marked = MARK.fullmatch(token.content) if token.type == "html_block" else None
            mark = marked[1] if marked else ""
        return found

    def section(self, heading: str) -> str:
        """The text from a heading to the next one of any depth; fails when there is none."""
        lines = self.text.splitlines()
        places = [
            (token.map[0], plain(after))
            for token, after in self._pairs()
            if token.type == "heading_open" and token.map
        ]
        for (start, title), (end, _) in zip(places, [*places[1:], (len(lines), "")], strict=True):
            if title == heading:
                return "\n".join(lines[start + 1 : end])
        raise AssertionError(f"{self.path.name} has no section {heading!r}")

    def _pairs(self) -> list[tuple[Token, Token]]:
        return list(zip(self.tokens, self.tokens[1:], strict=False))


def plain(inline: Token) -> str:
    """The text of a heading or cell without its markup."""
    return "".join(child.content for child in inline.children or [])


def slug(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def page(name: str) -> Page:
    """The page at a path from the project's folder."""
    return Page(ROOT / name)


def pages() -> list[Page]:
    """Every page of the documentation."""
    return [Page(path) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]
