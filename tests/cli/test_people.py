"""Making people who can log in, and saying who signs personal mail."""

from pathlib import Path

import pytest

from tests.cli.run import dunwell, dunwell_anew, migrated

PASSWORD = "correct horse battery staple"


@pytest.fixture
def env(tmp_path: Path, tables: Path) -> dict[str, str]:
    """An empty installation."""
    return migrated(tmp_path, tables, DJANGO_SUPERUSER_PASSWORD=PASSWORD)


def test_a_person_signs_nothing_until_somebody_says_so_and_no_longer_once_it_is_taken_away(
    env: dict[str, str],
) -> None:
    answers = [
        dunwell("person", "mara", *rest, env=env)
        for rest in ([], ["--manager"], [], ["--no-manager"], ["--name", "Mara Velde"])
    ]

    assert [(ran.code, ran.out.splitlines()[-1]) for ran in answers] == [
        (0, "mara may not approve personal mail."),
        (0, "mara may approve personal mail."),
        (0, "mara may approve personal mail."),
        (0, "mara may not approve personal mail."),
        (0, "mara may not approve personal mail."),
    ]
    assert answers[0].out.startswith("mara can log in.")
    assert "can log in" not in answers[1].out


def test_whoever_may_do_everything_may_approve(env: dict[str, str]) -> None:
    dunwell_anew("createsuperuser", "--username", "ada", "--email", "ada@example.com", env=env)

    assert dunwell_anew("person", "ada", env=env).out == "ada may approve personal mail.\n"


def test_a_password_that_is_easily_guessed_makes_nobody(env: dict[str, str]) -> None:
    weak = {**env, "DJANGO_SUPERUSER_PASSWORD": "password"}

    ran = dunwell("person", "mara", env=weak)
    again = dunwell("person", "mara", "--manager", env=weak)

    assert ran.code == again.code == 1
    assert ran.complaint == "dunwell: This password is too common."
    assert ran.out == ""


def test_a_person_gets_the_name_and_address_that_answers_come_from(env: dict[str, str]) -> None:
    dunwell("person", "mara", env=env)

    ran = dunwell("person", "mara", "--name", "Mara Velde", "--email", "mara@us.example", env=env)
    wrong = dunwell("person", "mara", "--email", "not an address", env=env)

    assert ran.out.startswith("mara is Mara Velde <mara@us.example>.")
    assert (wrong.code, wrong.complaint) == (1, "dunwell: Enter a valid email address.")
