"""The code keeps the house rules, and each rule finds what it is there to find."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import house_rules
from tools.pin import PINNED

SOURCE = house_rules.python_files("src")


def test_there_is_source_to_look_at() -> None:
    assert len(SOURCE) > 20


def test_no_name_in_the_source_is_vague() -> None:
    assert [finding for path in SOURCE for finding in house_rules.vague_names(path)] == []


def test_no_file_or_function_in_the_source_is_too_long() -> None:
    assert [finding for path in SOURCE for finding in house_rules.too_long(path)] == []


def test_nine_functions_in_ten_are_short() -> None:
    assert house_rules.usual_function_length(SOURCE) < house_rules.USUAL_FUNCTION


def test_nothing_in_the_project_belongs_to_one_machine() -> None:
    files = house_rules.project_files()

    assert len(files) > 50
    assert [finding for path in files for finding in house_rules.traces_of_a_machine(path)] == []


Rule = Callable[[Path], Iterator[str]]


@pytest.mark.parametrize(
    ("rule", "text", "finding"),
    [
        (house_rules.vague_names, "class CaseManager: ...", "odd.py:1: CaseManager uses 'manager'"),
        (house_rules.vague_names, "def mail_utils(): ...", "odd.py:1: mail_utils uses 'utils'"),
        (
            house_rules.vague_names,
            "def process_event(): ...",
            "odd.py:1: process_event uses 'process' as a verb",
        ),
        (
            house_rules.too_long,
            "\n\ndef long():\n" + "    pass\n" * 80,
            "odd.py:3: long has 81 lines, at most 80",
        ),
        (house_rules.too_long, "#\n" * 400, "odd.py:1: 400 lines, must be under 400"),
        (
            house_rules.traces_of_a_machine,
            "see /ro" + "ot/notes",
            f"odd.py:1: {'/ro' + 'ot'!r} belongs to one machine",
        ),
        (
            house_rules.traces_of_a_machine,
            "x\npy" + "pi.org",
            f"odd.py:2: {'py' + 'pi.org'!r} belongs to one machine",
        ),
    ],
)
def test_a_rule_finds_what_it_is_there_to_find(rule: Rule, text: str, finding: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(text)

    assert list(rule(path)) == [finding]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (
            house_rules.vague_names,
            "def get_context_data(): ...\nclass InProcessing: ...\ndef start_process(): ...",
        ),
        (house_rules.too_long, "def long():\n" + "    pass\n" * 79),
        (house_rules.traces_of_a_machine, "the /worker, https://docs.example/work and ~/.cache/root"),
    ],
)
def test_a_rule_lets_pass_what_is_right(rule: Rule, text: str, tmp_path: Path) -> None:
    path = tmp_path / "fine.py"
    path.write_text(text)

    assert list(rule(path)) == []


def test_a_file_with_a_vague_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "mail_helpers.py"
    path.write_text("")

    assert list(house_rules.vague_names(path)) == ["mail_helpers.py:1: the file's name says too little"]


def test_the_pinned_versions_are_names_and_versions_only() -> None:
    lines = (house_rules.ROOT / "constraints.txt").read_text().splitlines()

    assert len(lines) > 40
    assert [line for line in lines if not PINNED.fullmatch(line)] == []
    assert lines == sorted(lines, key=str.lower)
