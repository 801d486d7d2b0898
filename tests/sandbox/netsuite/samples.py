"""The published samples, and the envelopes Oracle's help documents, restated."""

import csv
import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "samples"
# Where SuiteQL shows a column that no sample names; from public queries that name it.
ELSEWHERE = {
    "currency": {"id", "name", "symbol"},
    "transaction": {"tranid", "voided", "foreigntotal"},
}
# help/section_158394344595: one page of a query.
PAGE = {"links", "count", "hasMore", "items", "offset", "totalResults"}
# help/section_156570709583: an error of the REST services, and one of its details.
ERROR = {"type", "title", "status", "o:errorDetails"}
DETAIL = {"detail", "o:errorCode"}
# help/subsect_161252889998: a reference to another record.
REFERENCE = {"links", "id", "refName"}


def seed(table: str) -> list[dict[str, str]]:
    """Rows of one of Fivetran's seeds, the current version of each."""
    path = SAMPLES / "fivetran_apache2" / f"netsuite2_{table}_data.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row.get("_fivetran_active") != "FALSE"]


def oracle(name: str) -> Any:
    """One of Oracle's files."""
    return json.loads((SAMPLES / "oracle_upl" / name).read_text(encoding="utf-8"))
