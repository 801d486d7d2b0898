from datetime import timedelta

import pytest

from dunwell.policy.patience import next_wait

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("waited", "then"),
    [
        (timedelta(), 5 * MINUTE),
        (20 * MINUTE, 5 * MINUTE),
        (40 * MINUTE, 10 * MINUTE),
        (4 * HOUR, HOUR),
        (30 * HOUR, HOUR),
    ],
)
def test_whoever_gives_no_answer_is_asked_ever_more_slowly(waited: timedelta, then: timedelta) -> None:
    assert next_wait(waited, shortest=5 * MINUTE, longest=HOUR) == then
