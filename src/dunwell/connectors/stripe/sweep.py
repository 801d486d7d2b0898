"""Stripe's list of events, oldest first, in bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any

Json = Mapping[str, Any]
# Fetches the page after the event with an id, or the newest page.
Fetch = Callable[[str | None], Json]

# Pages kept from the way back; a longer list is fetched a second time on the way forward.
_KEPT_PAGES = 10


class StrangeListError(Exception):
    """The list of events does not have the form of one."""


def oldest_first(lists: Sequence[Fetch]) -> Iterator[Json]:
    """Merge several lists of events, each served newest first, into one that runs forward in time.

    Stripe only pages backwards from now, so each list is walked to its end first. What arrives meanwhile
    is left to the next sweep.
    """
    return merge(*(_forward(fetch) for fetch in lists), key=lambda event: int(event["created"]))


def _forward(fetch: Fetch) -> Iterator[Json]:
    cursors: list[str | None] = []
    kept: dict[str | None, Sequence[Json]] = {}
    cursor, more = None, True
    while more:
        events, more = _page(fetch(cursor))
        cursors.append(cursor)
        if len(kept) < _KEPT_PAGES or not more:
            kept[cursor] = events
        cursor = events[-1]["id"] if more else None
    for cursor in reversed(cursors):
        yield from reversed(kept.pop(cursor) if cursor in kept else _page(fetch(cursor))[0])


def _page(answer: Json) -> tuple[Sequence[Json], bool]:
    events, more = answer.get("data"), answer.get("has_more") is True
    if not isinstance(events, list) or (more and not events):
        raise StrangeListError("Stripe's list of events is not understood.")
    for event in events:
        if not isinstance(event, Mapping) or not isinstance(event.get("created"), int):
            raise StrangeListError("An event in Stripe's list is not understood.")
        if not isinstance(event.get("id"), str) or not isinstance(event.get("type"), str):
            raise StrangeListError("An event in Stripe's list is not understood.")
    return events, more
