"""`dunwell read-reply`: one document for scripts, highlighted words for people, a language model where one is set."""

from pathlib import Path

import pytest

from dunwell import wiring
from dunwell.connectors.language_model.client import LanguageModelReader
from dunwell.environment import ConfigurationError, ReaderSettings, read_environment
from dunwell.policy.replies import RulesReader
from tests.cli.run import Ran, dunwell, dunwell_anew, environment
from tests.connectors.language_model.endpoint import Endpoint, choosing

URL = {"DUNWELL_READER_URL": "http://127.0.0.1:9/v1/chat/completions"}
TOGETHER = "missing; a language model needs its address and its name"


COMMAND = ("read-reply", "-", "--at", "2026-04-28T15:00:00Z", "--zone", "America/New_York")


def read_reply(folder: Path, text: str, *more: str, **settings: str) -> Ran:
    return dunwell(*COMMAND, *more, env=environment(folder, **settings), stdin=text)


def test_the_document_has_the_reading_and_where_its_words_stand(tmp_path: Path) -> None:
    text = "Hi,\nwe will pay on Friday.\n\n> quoted"
    ran = dunwell_anew(*COMMAND, "--json", env=environment(tmp_path), stdin=text)

    assert (ran.code, ran.err) == (0, "")
    assert ran.document == {
        "kind": "promise",
        "date": "2026-05-01",
        "words": "we will pay on Friday",
        "span": [4, 25],
        "text": "Hi,\nwe will pay on Friday.",
        "notes": [],
    }


def test_a_person_sees_the_reading_its_doubts_and_the_text(tmp_path: Path) -> None:
    ran = read_reply(tmp_path, "[bold]Hi[/bold], we will pay on 3/4.")

    assert ran.code == 0
    assert [line.rstrip() for line in ran.out.splitlines()] == [
        "kind   promise",
        "date   none",
        "words  we will pay on 3/4",
        "note   3/4 can be read as day/month and as month/day",
        "",
        "[bold]Hi[/bold], we will pay on 3/4.",
    ]


def test_a_terminal_shows_the_words_highlighted(tmp_path: Path) -> None:
    ran = read_reply(tmp_path, "Hi, we will pay on Friday. Bye", FORCE_COLOR="1", TERM="xterm")

    assert "Hi, \x1b[1;30;43mwe will pay on Friday\x1b[0m. Bye" in ran.out


def test_a_language_model_reads_where_one_is_set(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k-secret\n")
    with Endpoint(choosing("dispute", None, "the dough")) as endpoint:
        ran = read_reply(
            tmp_path,
            "I mind the dough.",
            "--json",
            DUNWELL_READER_URL=endpoint.url,
            DUNWELL_READER_MODEL="small-1",
            DUNWELL_READER_API_KEY_FILE=str(key),
        )
    assert (ran.document["kind"], ran.document["words"]) == ("dispute", "the dough")
    assert endpoint.headers[0]["Authorization"] == "Bearer k-secret"


def test_without_settings_the_rules_read() -> None:
    read = read_environment({})

    assert read.reader is None
    assert isinstance(wiring.build_reader(read), RulesReader)


def test_address_and_name_are_enough_and_the_key_is_not_shown() -> None:
    read = read_environment({**URL, "DUNWELL_READER_MODEL": "small-1", "DUNWELL_READER_API_KEY": "k-secret"})

    assert read.reader == ReaderSettings(URL["DUNWELL_READER_URL"], "small-1", "k-secret")
    assert "k-secret" not in repr(read)
    assert isinstance(wiring.build_reader(read), LanguageModelReader)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (URL, f"DUNWELL_READER_MODEL: {TOGETHER}"),
        ({"DUNWELL_READER_MODEL": "small-1"}, f"DUNWELL_READER_URL: {TOGETHER}"),
        ({"DUNWELL_READER_API_KEY": "k"}, f"DUNWELL_READER_URL: {TOGETHER}"),
        (
            {"DUNWELL_READER_URL": "ftp://x"},
            "DUNWELL_READER_URL: must be an http or https address, not 'ftp://x'",
        ),
        (
            {**URL, "DUNWELL_READER_MODEL": "m", "DUNWELL_READER_API_KEY": "a\nb"},
            "DUNWELL_READER_API_KEY: must be one line of plain characters",
        ),
    ],
)
def test_a_mistake_is_one_line_that_names_the_setting(settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_environment(settings)
    assert str(raised.value) == complaint
