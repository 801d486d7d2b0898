from pathlib import Path

import pytest

from tests.cli.run import dunwell_anew, environment


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file as `dunwell migrate` leaves it, to be copied."""
    folder = tmp_path_factory.mktemp("tables")
    ran = dunwell_anew("migrate", env=environment(folder))
    assert (ran.code, ran.out, ran.err) == (0, "The database is up to date.\n", "")
    assert [path.name for path in folder.iterdir()] == ["cli.sqlite3"], "all of it is in one file"
    return folder / "cli.sqlite3"
