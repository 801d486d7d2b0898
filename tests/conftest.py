"""What every test has: a database, a steady Hypothesis, golden files, and nothing left running."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import settings as hypothesis_settings

CHROMIUM = Path("/usr/bin/chromium")
GRACE = 2.0  # seconds a thread that is already ending gets

hypothesis_settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis_settings.register_profile("explore", max_examples=5_000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--regenerate`."""
    parser.addoption("--regenerate", action="store_true", help="write golden files instead of comparing")


def pytest_configure() -> None:
    """Refuse to run with somebody's real settings in the environment."""
    theirs = sorted(n for n in os.environ if n.startswith("DUNWELL_") and n != "DUNWELL_DATABASE_URL")
    if theirs:
        raise pytest.UsageError(f"tests must not see your own settings; unset {', '.join(theirs)}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip browser tests where there is no Chromium; CI must have it."""
    if item.get_closest_marker("browser") and not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"CI must have {CHROMIUM}")
        pytest.skip(f"needs {CHROMIUM} (Debian, Ubuntu: apt-get install chromium)")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Put a SQLite test database into a file of its own, as in production.

    In memory, connections share a cache and lock whole tables without waiting, which no installation does.
    """
    database: dict[str, Any] = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        # Nobody pulls the plug on a test, and a flush a commit is most of its time.
        options = database["OPTIONS"]
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread behind which would keep the program alive."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in left:
        thread.join(GRACE)
    still = [thread.name for thread in left if thread.is_alive()]
    assert not still, f"threads left running: {still}"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with a golden file, or write the file under `--regenerate`."""
    regenerate: bool = request.config.getoption("--regenerate")

    def compare(path: Path, text: str) -> None:
        if regenerate:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {path}; write it with `make scenarios` and read it"
        assert text == path.read_text(encoding="utf-8")

    return compare
