"""Stripe's lists: newest first, cut by cursors, filtered by time."""

from collections.abc import Callable, Sequence

from dunwell.sandbox.stripe.errors import Json, refuse

_MOST = 100
_TESTS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda second, bound: second > bound,
    "gte": lambda second, bound: second >= bound,
    "lt": lambda second, bound: second < bound,
    "lte": lambda second, bound: second <= bound,
}


def within(rows: Sequence[Json], bounds: Json | None, field: str = "created") -> list[Json]:
    """Keep the rows whose time lies within the bounds (a null time never does)."""
    if bounds is None:
        return list(rows)
    return [
        row
        for row in rows
        if row[field] is not None and all(_TESTS[name](row[field], at) for name, at in bounds.items())
    ]


def page(rows: Sequence[Json], params: Json, url: str) -> Json:
    """Cut one page out of rows given newest first: `limit` 1 to 100, one cursor at most."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= _MOST:
        raise refuse(f"Invalid limit: must be between 1 and {_MOST}", param="limit")
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise refuse("Only one of starting_after and ending_before can be given.", param="starting_after")
    if before:
        newer = rows[: _place(rows, before, "ending_before")]
        data, more = newer[-limit:], len(newer) > limit
    else:
        start = _place(rows, after, "starting_after") + 1 if after else 0
        data, more = rows[start : start + limit], len(rows) > start + limit
    return {"object": "list", "data": list(data), "has_more": more, "url": url}


def _place(rows: Sequence[Json], id_: str, param: str) -> int:
    for place, row in enumerate(rows):
        if row["id"] == id_:
            return place
    raise refuse(f"No such object in this list: '{id_}'", param=param, code="resource_missing")
