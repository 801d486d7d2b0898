"""What the code imports is declared, what is declared is pinned and says what it is for."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tools.house_rules import python_files

TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(TEXT)["project"]
PINNED = {_line.partition("==")[0] for _line in (ROOT / "constraints.txt").read_text().splitlines()}
# Parts of a declared package that its own documentation imports by name.
PARTS = {"pydantic-core": "pydantic", "markupsafe": "python-liquid"}


def _name(requirement: str) -> str:
    return re.split(r"[\[><=!~; ]", requirement)[0].lower().replace("_", "-")


def _declared(*extras: str) -> set[str]:
    lists = [PROJECT["dependencies"], *[PROJECT["optional-dependencies"][extra] for extra in extras]]
    return {_name(requirement) for listed in lists for requirement in listed}


def _imported(paths: list[Path]) -> set[str]:
    """The distributions whose modules some files import."""
    modules = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.partition(".")[0])
    ours = {"dunwell", "tests", "tools", "benchmarks"}
    known = packages_distributions()
    named = {_name(known[module][0]) for module in modules - ours - set(sys.stdlib_module_names)}
    return {PARTS.get(name, name) for name in named}


SANDBOX = [path for path in python_files("src") if "sandbox" in path.parts]


@pytest.mark.parametrize(
    ("paths", "extras"),
    [
        ([path for path in python_files("src") if path not in SANDBOX], []),
        (SANDBOX, ["sandbox"]),
        (python_files("tests", "tools"), ["sandbox", "dev"]),
    ],
    ids=["product", "sandbox", "tests and tools"],
)
def test_what_is_imported_is_declared(paths: list[Path], extras: list[str]) -> None:
    assert _imported(paths) - _declared(*extras) == set()


def test_what_is_declared_is_pinned() -> None:
    pinned = {name.lower().replace("_", "-") for name in PINNED}

    assert _declared("sandbox", "dev") - pinned - {"dunwell"} == set()


def test_every_dependency_says_what_it_is_for() -> None:
    own = {"pytest", "dunwell"}
    named = re.findall(r'^  "([^"]+)",(.*)$', TEXT.partition("[project.scripts]")[0], re.MULTILINE)
    listed = [(name, note) for name, note in named if "::" not in name]

    assert len(listed) > 20
    assert [name for name, note in listed if "#" not in note and _name(name) not in own] == []
