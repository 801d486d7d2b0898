"""docs/settings.md and the code name the same settings, and the same ones can come from a file."""

import ast
import re
import tomllib
from dataclasses import fields

from dunwell import environment
from dunwell.connectors.netsuite.names import Names
from dunwell.connectors.netsuite.names_file import parse_names
from tests.docs.pages import ROOT, page
from tools.house_rules import python_files

ROWS = page("docs/settings.md").rows
SETTING = re.compile(r"DUNWELL_[A-Z0-9_]+")


def _calls(name: str) -> set[str]:
    tree = ast.parse((ROOT / "src/dunwell/environment.py").read_text(encoding="utf-8"))
    return {
        str(argument.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }


def _read_in_source() -> set[str]:
    return {
        node.value
        for path in python_files("src")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.fullmatch(node.value)
    }


def test_every_setting_is_documented_once_and_every_documented_one_is_read() -> None:
    assert sorted(row[0] for row in ROWS) == sorted(_read_in_source())


def test_the_page_says_which_settings_can_come_from_a_file() -> None:
    secrets = _calls(environment._secret.__name__)

    assert len(secrets) > 3
    assert {row[0] for row in ROWS if row[2] == "yes"} == secrets
    assert {row[0] for row in ROWS if row[2] == "no"} == {row[0] for row in ROWS} - secrets


def test_the_page_shows_every_name_of_netsuite_with_its_default() -> None:
    (block,) = (each for each in page("docs/settings.md").blocks if each.language == "toml")

    assert set(tomllib.loads(block.text)) == {field.name for field in fields(Names)}
    assert parse_names(block.text, "settings.md") == Names()
