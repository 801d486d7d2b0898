"""Which handler answers which request, and which parameters it knows."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dunwell.sandbox.stripe.books import Books
from dunwell.sandbox.stripe.errors import Json, refuse
from dunwell.sandbox.stripe.forms import Reader, many, read, text

# Called with the account, the checked parameters, and the ids found in the path.
Handler = Callable[..., Json]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint."""

    method: str
    pattern: str
    handler: Handler
    known: Mapping[str, Reader]
    required: tuple[str, ...]
    regex: re.Pattern[str]

    def call(self, books: Books, raw: Json, ids: tuple[str | Any, ...]) -> tuple[Json, list[str]]:
        """Check the parameters and run the handler; returns its answer and what to expand in it."""
        params = read(raw, {**self.known, "expand": many(text)}, self.required)
        paths = params.pop("expand", [])
        return self.handler(books, params, *ids), paths


ROUTES: list[Route] = []


def route(
    method: str, pattern: str, known: Mapping[str, Reader] | None = None, required: tuple[str, ...] = ()
) -> Callable[[Handler], Handler]:
    """Register a handler for a method and a path in which `{}` stands for an id."""

    def register(handler: Handler) -> Handler:
        regex = re.compile(re.escape(pattern).replace(r"\{\}", "([^/]+)"))
        ROUTES.append(Route(method, pattern, handler, known or {}, required, regex))
        return handler

    return register


def retrieves(kind: str, pattern: str, known: Mapping[str, Reader] | None = None) -> None:
    """Register the plain retrieval of one object type."""

    def retrieve(books: Books, _params: Json, id_: str) -> Json:
        return books.find(kind, id_)

    route("GET", pattern, known)(retrieve)


def find(method: str, path: str) -> tuple[Route, tuple[str | Any, ...]]:
    """Find the route of a request and the ids in its path; refuses with 404 otherwise."""
    for each in ROUTES:
        match = each.regex.fullmatch(path)
        if match and each.method == method:
            return each, match.groups()
    raise refuse(f"Unrecognized request URL ({method}: {path}).", status=404)
