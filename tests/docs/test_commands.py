"""docs/commands.md and the command line have the same commands with the same options."""

import re
from typing import Any

import pytest
import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from dunwell.cli.commands import app
from tests.docs.pages import page

PAGE = page("docs/commands.md")


def _leaves(command: Any, name: str) -> dict[str, Any]:
    """The commands that do something, by their full name: groups are only opened."""
    if not isinstance(command, TyperGroup):
        return {name: command}
    found: dict[str, Any] = {}
    for part, inner in command.commands.items():
        if not inner.hidden:
            found |= _leaves(inner, f"{name} {part}")
    return found


COMMANDS = _leaves(typer.main.get_command(app), "dunwell")


def test_every_command_is_documented_and_every_documented_one_exists() -> None:
    documented = [heading for heading in PAGE.headings if heading.startswith("dunwell ")]

    assert len(COMMANDS) > 8
    assert sorted(documented) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_page_names_every_argument_and_option_of(name: str) -> None:
    section = PAGE.section(name)
    parameters = COMMANDS[name].params
    options = {
        option
        for parameter in parameters
        if isinstance(parameter, TyperOption) and not parameter.hidden
        for option in [*parameter.opts, *parameter.secondary_opts]
        if option.startswith("--") and option != "--help"
    }
    arguments = [
        (parameter.metavar or parameter.name or "").upper()
        for parameter in parameters
        if isinstance(parameter, TyperArgument)
    ]

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", section)) == options
    assert [argument for argument in arguments if argument not in section] == []
