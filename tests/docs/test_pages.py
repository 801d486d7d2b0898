"""The pages hang together: links lead somewhere, decisions are listed, blocks do what they say."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import Block, Page, page, pages

ADRS = sorted(page("docs/adr/README.md").path.parent.glob("[0-9]*.md"))
PARTS = ["Status", "Context", "Decision", "Consequences", "Alternatives"]


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.path.name)
def test_every_relative_link_leads_somewhere(each: Page) -> None:
    lost = []
    for link in each.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (each.path.parent / target).resolve() if target else each.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors):
            lost.append(link)
    assert lost == []


def test_every_page_of_the_docs_is_linked_from_the_readme_or_an_index() -> None:
    linked = {
        (each.path.parent / link.partition("#")[0]).resolve() for each in pages() for link in each.links
    }

    assert [
        each.path.name for each in pages() if each.path not in linked and each.path.name != "README.md"
    ] == []


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_a_decision_says_what_when_and_what_else_was_thought_of(path: Path) -> None:
    headings = Page(path).headings

    assert re.fullmatch(rf"{int(path.name[:4])}\. \S.*", headings[0])
    assert headings[1:] == PARTS
    assert all(Page(path).section(part).strip() for part in PARTS)


def test_the_list_of_decisions_is_complete_and_in_order() -> None:
    assert [row[:2] for row in page("docs/adr/README.md").rows] == [
        Page(path).headings[0].split(". ", 1) for path in ADRS
    ]


def _with_blocks_to_run() -> list[Page]:
    return [each for each in pages() if any(block.mark == "run" for block in each.blocks)]


def test_some_blocks_are_run() -> None:
    assert "README.md" in [each.path.name for each in _with_blocks_to_run()]


@pytest.mark.parametrize("each", _with_blocks_to_run(), ids=lambda each: each.path.name)
def test_a_block_marked_to_run_does_what_it_says(each: Page, tmp_path: Path) -> None:
    for block in each.blocks:
        if block.mark.startswith("file "):
            (tmp_path / block.mark.removeprefix("file ")).write_text(block.text, encoding="utf-8")
        elif block.mark == "run":
            for command, expected in _commands(block):
                _run(f"{each.path.name}:{block.line}: {command}", command, expected, tmp_path)


def _commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Split a terminal block into commands (after `$ `) and the lines each should print."""
    assert block.language == "console", f"line {block.line}: mark only console blocks to run"
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    assert not parts[0].strip(), f"line {block.line}: must start with `$ `"
    for part in parts[1:]:
        command, *expected = part.rstrip("\n").split("\n")
        yield command, expected


def _run(where: str, command: str, expected: list[str], folder: Path) -> None:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DUNWELL_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", command.replace(".venv/bin/", "")],
        cwd=folder,
        env={**ours, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{where}\n{done.stdout}"
    # A line of three dots stands for any lines.
    pattern = "\n".join("(?:.*\n)*?.*" if line == "..." else re.escape(line) for line in expected)
    printed = "\n".join(line.rstrip() for line in done.stdout.rstrip().split("\n"))
    assert re.fullmatch(pattern, printed), f"{where}\nprinted:\n{printed}"
